"""Money has reached someone: the feed says so, without saying whom; and takes it back when the money came back."""

from decimal import Decimal
from uuid import UUID

from chassis.ids import new_id
from feed.domain.post import Post, PostKind
from feed.use_cases.ports import Desk


async def publish_impact(
    desk: Desk, *, program_id: UUID, transaction_id: UUID, request_id: UUID, amount: Decimal, currency: str
) -> None:
    """One post a transaction, however often it is heard of."""
    post = Post(
        id=new_id(),
        kind=PostKind.IMPACT,
        author_id=None,
        created_at=desk.now,
        updated_at=desk.now,
        program_id=program_id,
        transaction_id=transaction_id,
        request_id=request_id,
        amount=amount,
        currency=currency,
    )
    if await desk.posts.add(post):
        desk.announce.post_created(post)


async def withdraw_impact(desk: Desk, *, request_id: UUID) -> None:
    """The bank returned the payment: nobody was reached after all."""
    for post in await desk.posts.shown_of_request_locked(request_id):
        post.hidden_at = desk.now
        post.version += 1
        post.updated_at = desk.now
        await desk.posts.save(post)
