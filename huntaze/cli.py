"""`huntaze ...`: thin. Each command finds its servers by itself, whether `huntaze up` runs or not."""

from __future__ import annotations

import os
import re
import runpy
import secrets
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from huntaze import embedded, environment, supervisor
from huntaze.config import Config, ConfigError

if TYPE_CHECKING:
    from huntaze.schemas.account import NewUser

WORKER = Path(__file__).parent.parent / "worker.py"


@click.group()
def cli() -> None:
    """Huntaze: where a creator on a subscription platform runs her business."""


@cli.command()
def up() -> None:
    """Run everything: web, worker, schedule, and PostgreSQL and Valkey unless others are given."""
    supervisor.up()


@cli.command()
@click.option("--demo", is_flag=True, help="Create the demo workspace if the database is new.")
def migrate(demo: bool) -> None:
    """Bring the database up to date: the app's role, then the migrations. Prints `demo` if it made that."""
    from huntaze import logs, revisions, roles

    with found() as config:
        logs.configure(config.log_level)
        roles.provision(config.database_url, config.app_database_url)
        at = revisions.current(config.database_url)
        if at == revisions.newest():
            return

        import flask_migrate

        from huntaze import create_app

        with create_app(config).app_context():
            flask_migrate.upgrade()
            if demo and at is None and first_start():
                if config.local and not config.platform_url:
                    connect_demo(config.secret_key)
                click.echo("demo")


def first_start() -> bool:
    """Fill a new database with the demo workspace; return whether it did. Runs in an app context."""
    from huntaze.services.demo import create_demo
    from huntaze.system import system_session

    with system_session() as session:
        return create_demo(session, datetime.now(UTC).date())


def connect_demo(secret_key: str) -> None:
    """Connects the demo workspace with the simulator that `huntaze up` starts. Runs in an app context."""
    from flask import current_app
    from rq import Queue

    from huntaze import demo_platform
    from huntaze.models.platform_account import Platform
    from huntaze.services.demo import demo_workspace
    from huntaze.services.platform_accounts import PlatformAccountService
    from huntaze.services.platform_keys import Webhook
    from huntaze.services.platform_policies import policy_of
    from huntaze.system import system_session

    with system_session() as session:
        accounts = PlatformAccountService(session, demo_workspace(session), secret_key)
        names = demo_platform.USERNAME, demo_platform.NAME
        webhook = Webhook(*demo_platform.webhook(secret_key))
        key = demo_platform.api_key(secret_key)
        account = accounts.add(Platform.ONLYFANS, demo_platform.ACCOUNT, names, key, webhook)
        # What stands in for the platform is ours, and has no rules to be read: the demo may send to it.
        account.policy_version, account.policy_accepted_at = policy_of(account).version, datetime.now(UTC)
        where = account.workspace_id, account.id
    queue = Queue("sync", connection=current_app.extensions["redis"], serializer="json")
    queue.enqueue("huntaze.jobs.sync.run", *where, result_ttl=0)


@cli.command()
@click.option("--fans", type=click.IntRange(1, 1_000_000), help="A workspace with so many, in place of the demo.")
@click.option("--transactions", type=click.IntRange(1, 10_000_000), help="Their payments; else ten for each fan.")
@click.option("--workspace", metavar="NAME", help="What to call it; else after its size.")
@click.option("--seed", type=click.IntRange(0, 1_000_000), help="The same seed and day make the same rows; else 1.")
def seed(fans: int | None, transactions: int | None, workspace: str | None, seed: int | None) -> None:
    """Create the demo workspace, if it is not there yet; or, with --fans, one of any size."""
    if fans:
        _seed_crowd(fans, transactions or 10 * fans, workspace or f"{fans:,} fans", 1 if seed is None else seed)
        return
    if transactions or workspace or seed is not None:
        raise click.UsageError("Say how many fans, too: --fans N.")
    with _in_app():
        click.echo("The demo is there now." if first_start() else "The demo is there already.")
    click.echo("Sign in as {} with the password {}".format(*supervisor.DEMO_LOGIN))


def _seed_crowd(fans: int, payments: int, name: str, seed: int) -> None:
    from pydantic import ValidationError

    from huntaze.schemas.account import Registration
    from huntaze.services.crowd import Crowd, create_crowd
    from huntaze.services.errors import Conflict
    from huntaze.system import system_session

    began, slug = time.monotonic(), re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    try:
        owner = Registration(
            email=f"{slug}@huntaze.test", name="Demo", business=name, password=secrets.token_urlsafe(9)
        )
    except ValidationError:
        raise click.BadParameter(
            "Choose a name with letters or digits, up to 60.", param_hint="--workspace"
        ) from None
    with _in_app(), system_session() as session:
        try:
            create_crowd(session, owner, Crowd(fans, payments, datetime.now(UTC).date(), seed), _tell)
        except Conflict:
            raise click.ClickException(
                f"{name!r} is there already (its owner is {owner.email}), and nothing was changed."
                " Choose another name: --workspace NAME."
            ) from None
    click.echo(f"{fans:,} fans and {payments:,} payments in {time.monotonic() - began:.1f} s.")
    click.echo(f"Sign in as {owner.email} with the password {owner.password}")


@cli.command()
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path))
def load(folder: Path) -> None:
    """Make a new workspace of the CSV files in FOLDER (docs/load.md has their columns)."""
    from huntaze.services.load import LoadService
    from huntaze.services.load_files import LoadError
    from huntaze.system import system_session

    began = time.monotonic()
    with _in_app(), system_session() as session:
        try:
            loaded = LoadService(session).load(folder, _tell)
        except LoadError as error:
            raise click.ClickException(f"{error} Nothing was stored.") from None
    click.echo(
        f"{loaded.subscribers:,} subscribers, {loaded.transactions:,} transactions, {loaded.conversations:,}"
        f" conversations and {loaded.messages:,} messages"
        f" in {time.monotonic() - began:.1f} s. Sign in as {loaded.email}."
    )
    if loaded.ignored:
        click.echo(f"Left alone, because there is no place for them yet: {', '.join(loaded.ignored)}.")


@cli.command()
@click.argument("slug")
def migration(slug: str) -> None:
    """Write the migration of what the models say and the database does not yet; read it before you keep it."""
    import flask_migrate

    with _in_app():
        flask_migrate.revision(message=slug, autogenerate=True)


@cli.group()
def member() -> None:
    """The people of a workspace."""


@member.command("add")
@click.argument("email")
@click.option("--workspace-of", required=True, metavar="EMAIL", help="The owner of the workspace.")
@click.option("--role", type=click.Choice(["viewer", "chatter", "manager", "owner"]), default="chatter")
@click.option("--name", help="The name of a person who has no account yet.")
def add_member(email: str, workspace_of: str, role: str, name: str | None) -> None:
    """Add a person to a workspace. Asks for a password if they have no account yet."""
    from huntaze.models.user import Role
    from huntaze.services.accounts import AccountService
    from huntaze.services.members import MemberService
    from huntaze.system import system_session

    with _in_app(), system_session() as session, _refusing():
        members = MemberService.of_owner(session, workspace_of)
        user_id = members.find_user(email) or AccountService(session).add_user(
            _ask_for_account(email, name), vouched=True
        )
        members.add(user_id, Role(role))
    click.echo(f"{email} is {role} now.")


@member.command("let-in")
@click.argument("email")
def let_in(email: str) -> None:
    """Turn off the second factor of a person who has lost both the phone and the recovery codes."""
    from flask import current_app

    from huntaze.services.totp import TotpService
    from huntaze.system import system_session

    with _in_app(), system_session() as session, _refusing():
        TotpService(session, current_app.config["SECRET_KEY"]).let_in(email)
    click.echo(f"{email} signs in with the password alone now.")


@cli.command("password-link")
@click.argument("email")
def password_link(email: str) -> None:
    """Make the link with which this person sets a new password, and show it this once. It works for 30 minutes."""
    from huntaze.models.account_link import Purpose
    from huntaze.models.base import UserId
    from huntaze.services.account_links import AccountLinkService
    from huntaze.services.errors import NotFound
    from huntaze.system import system_session

    with _in_app() as config, system_session() as session, _refusing():
        links = AccountLinkService(session)
        owner = links.owner_of(email.lower())
        if owner is None:
            raise NotFound(email)
        made = links.issue(UserId(owner.id), Purpose.PASSWORD, owner.email)
    click.echo(f"{config.public_url or f'http://localhost:{config.port}'}/password/reset?token={made}")


@cli.group()
def token() -> None:
    """Bearer tokens for the API."""


@token.command("create")
@click.argument("email")
@click.option("--workspace-of", metavar="EMAIL", help="The owner of the workspace, if the person has several.")
@click.option("--name", default="command line", help="What it is for.")
@click.option("--read-only", is_flag=True, help="It reads, and changes nothing.")
@click.option("--days", type=click.IntRange(1, 3650), help="How long it is good for; else until it is revoked.")
def create_token(email: str, workspace_of: str | None, name: str, read_only: bool, days: int | None) -> None:
    """Create a token that acts as this person, and show it this once."""
    from huntaze.models.sign_in import TokenScope
    from huntaze.schemas.team import NewToken
    from huntaze.services.errors import NotFound
    from huntaze.services.members import MemberService
    from huntaze.services.tokens import TokenService
    from huntaze.system import system_session

    new = NewToken(name=name, scope=TokenScope.READ if read_only else TokenScope.WRITE, days=days)
    with _in_app(), system_session() as session, _refusing():
        by_workspace = MemberService.of_owner if workspace_of else MemberService.of_member
        members = by_workspace(session, workspace_of or email)
        user_id = members.find_user(email)
        if user_id is None:
            raise NotFound(email)
        created = TokenService(session, members.workspace_id).create(user_id, new)
    click.echo(created)


@cli.command()
@click.argument("queues", nargs=-1)
def worker(queues: tuple[str, ...]) -> None:
    """Run the jobs of these queues, each in a process; without names, of all."""
    _worker(*(queues or supervisor.QUEUES))


@cli.command()
def schedule() -> None:
    """Enqueue the periodic jobs when they are due."""
    _worker("schedule")


@cli.command()
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", default=8090, show_default=True, help="0: any that is free.")
@click.option("--seed", default=1, show_default=True, help="The same seed makes the same fans.")
@click.option("--accounts", default=1, show_default=True, help="Creators: acct_000001, acct_000002 ...")
@click.option("--fans", default=200, show_default=True, help="Fans of each account.")
@click.option("--transactions", default=2_000, show_default=True, help="Payments of each account, at least.")
@click.option("--live", is_flag=True, help="Let the clock run with the time of day.")
@click.option("--activity", default=0.0, show_default=True, help="What fans do by themselves, in events an hour.")
@click.option("--latency", default=0.0, show_default=True, help="Seconds that each call takes.")
@click.option("--send-rate", default=2.0, show_default=True, help="Sends a second and account.")
@click.option("--per-minute", default=1_000, show_default=True, help="Calls a minute and account; 0: no limit.")
@click.option("--since", default=0, help="When its world began, in seconds since 1970; 0: now.")
@click.option("--api-key", default="sim-key", show_default=True, envvar="SIMULATOR_API_KEY")
@click.option("--webhook", default="", help="Where it delivers webhooks.", envvar="SIMULATOR_WEBHOOK")
@click.option("--webhook-secret", default="", envvar="SIMULATOR_WEBHOOK_SECRET")
def simulator(host: str, port: int, **options: Any) -> None:
    """Run a stand-in for the platform's API (docs/simulator.md)."""
    from huntaze.simulator.options import Options
    from huntaze.simulator.server import serve

    try:
        serve(Options(**options), host, port, ready=lambda address: click.echo(f"The simulator is at {address}"))
    except OSError as error:
        raise click.ClickException(f"Port {port} on {host} can't be had: {error.strerror}.") from None


@contextmanager
def found() -> Iterator[Config]:
    """The configuration, on the servers that the environment names or on the embedded ones."""
    data = environment.data_folder(os.environ)
    with embedded.reached(data, **environment.wanted(os.environ)) as servers:
        os.environ.update(environment.complete(os.environ, servers))
        yield Config.from_env()


@contextmanager
def _in_app() -> Iterator[Config]:
    """An app on the servers that were found, on a database that is up to date."""
    from huntaze import create_app, logs, revisions

    with found() as config:
        logs.configure("WARNING")
        if revisions.current(config.database_url) != revisions.newest():
            raise click.ClickException("The database is not up to date: run `huntaze migrate` first.")
        with create_app(config).app_context():
            yield config


@contextmanager
def _refusing() -> Iterator[None]:
    """What a service refuses is one line here."""
    from huntaze.services.errors import Invalid, NotFound

    try:
        yield
    except NotFound as missing:
        raise click.ClickException(f"{missing} has no account, or no such workspace.") from None
    except Invalid as refusal:
        kinds = ", ".join(f"{field}: {problem.kind}" for field, found in refusal.errors.items() for problem in found)
        raise click.ClickException(f"Refused ({kinds.replace('_', ' ')}).") from None


def _ask_for_account(email: str, name: str | None) -> NewUser:
    from pydantic import ValidationError

    from huntaze.schemas.account import NewUser

    password = click.prompt("A password for the new account", hide_input=True, confirmation_prompt=True)
    try:
        return NewUser(email=email, name=name or email.partition("@")[0], password=password)
    except ValidationError as error:
        first = error.errors()[0]
        raise click.ClickException(f"The {first['loc'][0]}: {first['msg']}.") from None


def _tell(what: str, rows: int) -> None:
    click.echo(f"{what} {rows:,}" if rows else what, err=True)


def _worker(*tasks: str) -> None:
    with found():
        sys.argv = [str(WORKER), *tasks]
        runpy.run_path(str(WORKER), run_name="__main__")


def main() -> None:
    """The entry point: what the operator can put right is one line on standard error and exit code 2."""
    try:
        cli()
    except (ConfigError, embedded.ServersError, supervisor.NotStarted) as error:
        click.echo(f"huntaze: {error}", err=True)
        sys.exit(2)


if __name__ == "__main__":
    main()
