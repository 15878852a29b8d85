"""The replay of lots costs what was written beside the blocks, not that once more for each payment of an award."""

from decimal import Decimal

from shared.verify.tests.calls import calls_of

from ledger.domain.lot_replay import Deed, LotReplay

FEW = 500
TIMES = 8
# What n log n takes is about 10, and what n * n takes 64.
GROWTH_MAX = 16
KOBO = Decimal("0.01")


def deeds_of_an_award_with(lots: int) -> list[Deed]:
    """One award is promised small donations, and pays each of them out on its own, every other one in vain first."""
    gifts = [f"gift-{number}" for number in range(lots)]
    deeds = [Deed(number, "donation", gift, KOBO, "p1 NGN") for number, gift in enumerate(gifts)]
    whole = dict.fromkeys(gifts, KOBO)
    deeds.append(Deed(lots, "commitment", "award-1", KOBO * lots, "p1 NGN", award_id="a1", recorded=whole))
    for number, gift in enumerate(gifts):
        for payment, step in ((f"vain-{number}", "sent"), (f"vain-{number}", "failed"), (f"pay-{number}", "sent")):
            recorded = {gift: KOBO} if step == "sent" else None
            if number % 2 or not payment.startswith("vain"):
                kind = f"disbursement:{step}"
                deeds.append(Deed(len(deeds), kind, payment, KOBO, "p1 NGN", award_id="a1", recorded=recorded))
    return deeds


def calls_to_follow(deeds: list[Deed]) -> int:
    def follow() -> None:
        replay = LotReplay()
        assert [replay.follow(deed) for deed in deeds] == [None] * len(deeds)

    return calls_of(follow)


def test_eight_times_as_many_lots_and_payments_take_about_eight_times_as_much():
    few, many = (calls_to_follow(deeds_of_an_award_with(lots)) for lots in (FEW, TIMES * FEW))
    assert few < many < GROWTH_MAX * few, f"{FEW} lots: {few} calls, {TIMES * FEW}: {many}"


def test_what_came_back_is_the_oldest_again():
    replay = LotReplay()
    gifts = [Deed(number, "donation", f"g{number}", KOBO * 10, "p1 NGN") for number in range(2)]
    promised = {"g0": KOBO * 10, "g1": KOBO * 5}
    commitment = Deed(2, "commitment", "c", KOBO * 15, "p1 NGN", award_id="a1", recorded=promised)
    first = {"g0": KOBO * 10, "g1": KOBO * 2}
    deeds = [
        *gifts,
        commitment,
        Deed(3, "disbursement:sent", "one", KOBO * 12, "p1 NGN", award_id="a1", recorded=first),
        Deed(4, "disbursement:failed", "one", KOBO * 12, "p1 NGN", award_id="a1"),
        Deed(5, "disbursement:sent", "two", KOBO * 3, "p1 NGN", award_id="a1", recorded={"g0": KOBO * 3}),
        Deed(6, "decommitment", "d", KOBO * 12, "p1 NGN", award_id="a1"),
    ]
    assert [replay.follow(deed) for deed in deeds] == [None] * len(deeds)
