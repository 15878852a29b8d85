"""A small witness (C2SP tlog-witness) that anybody can run: it needs no database server, no broker and few imports."""
