"""Statements as banks write them, made after the SWIFT format and after Nigerian banks' exports."""

from collections.abc import Sequence

ACCOUNT = "0123456789"
REFERENCE = "impact-0198c0de000070008000000000000001"

# One statement in two pages, in FIN blocks; the reference is cut by the bank's 65 characters, in upper case.
TWO_PAGES = """\
{1:F01GTBINGLAXXXX0000000000}{2:I940IMPACTNGXXXXN}{3:{108:MT940}}{4:
:20:STMT260701
:25:GTBINGLA/0123456789
:28C:182/1
:60F:C260630NGN1000000,00
:61:2607010701C250000,00NTRFNONREF//BK0001
Inward transfer
:86:NIP/ACME FOUNDATION LAGOS/DONATION FOR THE MARKET WOMEN IMPACT-0198
C0DE000070008000000000000001 THANK YOU
:61:2607010701D50,00NCHGNONREF//BK0002
:86:COMMISSION
:62M:C260701NGN1249950,00
-}{5:{CHK:123456789ABC}}
{1:F01GTBINGLAXXXX0000000000}{2:I940IMPACTNGXXXXN}{4:
:20:STMT260701
:25:GTBINGLA/0123456789
:28C:182/2
:60M:C260701NGN1249950,00
:61:2607010701D200000,00NTRFNONREF//BK0003
:86:?20OUTWARD NIP?21IMPACT-0198C0DE0000?22700080000000000000?2302
:61:260630RD200000,00NTRFNONREF//BK0004
:86:RETURNED IMPACT 0198C0DE 0000 7000 8000 0000 0000 0002
:61:2607010701RC1000,5NTRFNONREF//BK0005
:62F:C260701NGN1248949,50
:64:C260701NGN1248949,50
:86:CLOSING TEXT
-}
"""

# Without blocks, as most online banking gives it: two days in one file, messages ended by a dash.
TWO_DAYS = """\
:20:DAY1
:25:0123456789
:28C:1
:60F:C260701NGN0,00
:61:2607010701C100,NMSCNONREF
:62F:C260701NGN100,00
-
:20:DAY2
:25:0123456789NGN
:28C:2
:60F:C260701NGN100,00
:61:2607020702C0,01NMSCNONREF
:61:2607020702C0,01NMSCNONREF
:62F:C260702NGN100,02
-
"""

NIGERIAN = """\
Trans Date,Value Date,Reference,Debits,Credits,Balance,Originating Branch,Remarks
01-JUL-2026,01-JUL-2026,S1001,,"250,000.00","1,250,000.00",205,"NIP/ACME/IMPACT-0198c0de000070008000000000000001"
01-JUL-2026,01-JUL-2026,,50.00,0.00,"1,249,950.00",205,COMMISSION
01-JUL-2026,01-JUL-2026,,50.00,-,"1,249,900.00",205,COMMISSION
02-JUL-2026,02-JUL-2026,S1002,"200,000.00",,"1,049,900.00",900,"TRF, impact-0198c0de000070008000000000000002"
"""


def day_in_parts(*parts: tuple[str, str, str]) -> str:
    """Statements of one day, each with a fee of 0,01: (number, opening, closing)."""
    return "".join(
        f":20:PART\n:25:{ACCOUNT}\n:28C:{number}\n:60F:C260701NGN{opening}\n:61:2607010701D0,01NCHGNONREF\n"
        f":62F:C260701NGN{closing}\n-\n"
        for number, opening, closing in parts
    )


STANDARD_HEADER = "date,value_date,amount,currency,reference,description,balance"


def standard(rows: Sequence[tuple[str, str, str, str]], opening: str = "0.00") -> str:
    """(date, amount, reference, description) each, as CSV by the mapping `standard`, with running balances."""
    lines, cents = [STANDARD_HEADER], round(float(opening) * 100)
    for day, amount, reference, description in rows:
        cents += round(float(amount) * 100)
        balance = f"{'-' if cents < 0 else ''}{abs(cents) // 100}.{abs(cents) % 100:02d}"
        lines.append(f"{day},{day},{amount},NGN,{reference},{description},{balance}")
    return "\n".join(lines) + "\n"
