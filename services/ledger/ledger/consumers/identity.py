"""What identity says: forget a person."""

from chassis.subscriptions import Delivery, Subscriptions
from contracts.identity import UserErased
from ledger.consumers.booking import Booking


def subscribe(subscriptions: Subscriptions, booking: Booking) -> None:
    """The chassis destroys the person's key on the same event; here every way to the person is cut."""

    async def on_erased(fact: UserErased, delivery: Delivery) -> None:
        await booking.open_books.within(delivery.work).people.forget(fact.user_id)

    subscriptions.on(UserErased, on_erased)
