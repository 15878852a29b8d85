"""Which passwords will do."""

import pytest

from identity.domain.passwords import weakness_of


def code_of(password, username="amina", email="amina.bala@example.ng"):
    weakness = weakness_of(password, username=username, email=email)
    return None if weakness is None else weakness[0]


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "blue-kettle-71",
        "Ọjọ́ ń lọ 2031",
        "amina-sells-cloth",
        "  spaces count  ",
        "x7#Kp2!q",
        "long" + "abcdefg1" * 15,
    ],
)
def test_a_good_password_will_do(password):
    assert code_of(password) is None


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("short-1", "password_length"),
        ("", "password_length"),
        ("ab1" * 43, "password_length"),
        ("password", "password_common"),
        ("PASSWORD", "password_common"),
        ("Password123!", "password_common"),
        ("p@ssw0rd", "password_common"),
        ("P@$$w0rd!!", "password_common"),
        ("iloveyou2024", "password_common"),
        ("nigeria1960", "password_common"),
        ("letmein!!!", "password_common"),
        ("aaaaaaaa", "password_trivial"),
        ("12345678", "password_trivial"),
        ("87654321", "password_trivial"),
        ("abcdefgh", "password_trivial"),
        ("qwertyuiop", "password_trivial"),
        ("1212121212", "password_trivial"),
        ("amina123", "password_like_name"),
        ("123amina", "password_like_name"),
        ("AminaAmina", "password_like_name"),
        ("amina.bala", "password_like_name"),
        ("amina.bala@example.ng", "password_like_name"),
    ],
)
def test_a_weak_password_is_named_for_what_it_is(password, code):
    assert code_of(password) == code


def test_the_same_password_composed_otherwise_is_the_same_length():
    assert code_of("e\u0301" * 4 + "abcd") == code_of("\u00e9" * 4 + "abcd")
