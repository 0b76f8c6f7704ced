"""The table of periodic jobs, and how one tick of one of them is run once."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from rq.utils import import_attribute

REMEMBERED = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Periodic:
    """job: a function without arguments; cron: when, in UTC (minute, hour, day, month, weekday);
    queue: which worker runs it.

    The function is named and not imported: the schedule's process stays small (measured: 83 -> 50 MB).
    """

    job: str
    cron: str
    queue: str = "default"


PERIODIC = {
    "purge expired sign-ins": Periodic("huntaze.jobs.sign_ins.purge_expired", "7 * * * *"),
    "delete workspaces whose week is over": Periodic("huntaze.jobs.workspaces.delete_due", "*/5 * * * *"),
    "send mails that wait": Periodic("huntaze.jobs.mails.send_due", "* * * * *"),
    "go on with stalled imports": Periodic("huntaze.jobs.imports.resume_stalled", "* * * * *"),
    "purge old imports": Periodic("huntaze.jobs.imports.purge", "23 * * * *"),
    "store webhooks whose job was lost": Periodic("huntaze.jobs.webhooks.process_waiting", "* * * * *"),
    "forget old webhooks": Periodic("huntaze.jobs.webhooks.purge", "37 3 * * *"),
    "ask platforms what was left unasked": Periodic("huntaze.jobs.platforms.check_lost", "* * * * *"),
    "take messages back": Periodic("huntaze.jobs.messages.unsend_lost", "* * * * *"),
    "go on with erasing platform accounts": Periodic("huntaze.jobs.platforms.erase_asked", "* * * * *", "sync"),
    "fold the figures of days": Periodic("huntaze.jobs.rollups.fold", "*/5 * * * *", "rollups"),
    "send messages that wait": Periodic("huntaze.jobs.delivery.sweep", "* * * * *"),
    "forget old attempts to send": Periodic("huntaze.jobs.delivery.purge", "*/10 * * * *"),
    "read platform accounts": Periodic("huntaze.jobs.sync.due", "* * * * *", "sync"),
}


def run(name: str, tick: str) -> None:
    """Run the periodic job `name` for the moment `tick` (ISO 8601), unless someone does or did so already.

    Every schedule process enqueues every tick; whoever inserts its row runs it.
    """
    from sqlalchemy import delete
    from sqlalchemy.dialects.postgresql import insert

    from huntaze.models.tick import Tick
    from huntaze.system import system_session

    at = datetime.fromisoformat(tick)
    with system_session() as session:
        claim = insert(Tick).values(name=name, tick=at).on_conflict_do_nothing().returning(Tick.tick)
        claimed = session.execute(claim).one_or_none()
        session.execute(delete(Tick).where(Tick.name == name, Tick.tick < at - REMEMBERED))
    if claimed:
        import_attribute(PERIODIC[name].job)()
