"""The notification workflow: every single fault from a channel's queue to the provider and the log.

What fails stays in its queue, and is a dead letter of its channel in the end; nobody redrives an
Express execution.
"""

from __future__ import annotations

from typing import Any

from sfnlocal.proof import Proof, Scenario
from sfnlocal.testing import LocalApp
from tests.workflows.post_office import CHANNELS, NIGHT, add_recipient, message, sends

ID = "0" * 32
# When proofs begin it is midnight in Greenwich.
AT_NIGHT = {**NIGHT, "zone": "Europe/London"}
AT_NOON = {"zone": "Europe/London", "start": "12:00", "end": "13:00"}


def known(*channels: str, state: str = "created", **recipient: Any) -> Any:
    """The front has begun the log of a notification to somebody with these channels."""

    def prepare(app: LocalApp) -> None:
        add_recipient(app, *channels, **recipient)
        begin_log(app, channels[0], state)

    return prepare


def begin_log(app: LocalApp, channel: str = "email", state: str = "created") -> None:
    log = {"notificationId": ID, "recipientId": "ann", "channel": channel, "hop": 0, "changes": []}
    app.put_item("NotificationLog", {**log, "state": state})


def sent_before(app: LocalApp) -> None:
    """The message comes once more."""
    known("email", state="sent")(app)
    app.put_item("RecordedMessages", {"messageId": f"{ID}-email", "times": 1})


def queued(channel: str = "email") -> Any:
    """The message is in the queue of its channel."""
    return lambda app: app.send(f"{channel.title()}Queue", message(ID, channel))


def deliveries(app: LocalApp) -> dict[str, int]:
    """By how many channels each notification went out. A provider that is asked again under the
    same id delivers no second time."""
    found: dict[str, int] = {}
    for sent in sends(app):
        notification_id = sent.partition("-")[0]
        found[notification_id] = found.get(notification_id, 0) + 1
    return found


def send_lost_schedules(app: LocalApp) -> None:
    """What a schedule could not put back goes to its channel's queue."""
    lost = app.messages("LostNotificationSchedules")
    app.client("sqs").purge_queue(QueueUrl=app.queue_url("LostNotificationSchedules"))
    for one in lost:
        app.send(f"{one['channel'].title()}Queue", one)


def log_says_what_was_sent(app: LocalApp) -> None:
    for log in app.items("NotificationLog"):
        sent = f"{ID}-{log['channel']}" in sends(app)
        if log["state"] == "sent":
            assert sent, "the log says sent, and no provider knows of it"
        if log["state"] in ("unsubscribed", "failed", "deferred"):
            assert not sent, f"the log says {log['state']}, and a provider has sent it"


NOTIFICATION = Proof(
    state_machine="Notification",
    scenarios=[
        *(
            Scenario(
                name=channel,
                about=f"sent by {channel}",
                prepare=known(channel),
                start=queued(channel),
            )
            for channel in CHANNELS
        ),
        *(
            Scenario(
                name=f"{channel}-refused",
                about=f"the address is refused, the next channel is {following}",
                prepare=known(channel, following, refused=(channel,)),
                start=queued(channel),
            )
            for channel, following in zip(CHANNELS, (*CHANNELS[1:], CHANNELS[0]), strict=True)
        ),
        Scenario(
            name="failed",
            about="the only address is refused",
            prepare=known("email", refused=("email",)),
            start=queued(),
        ),
        Scenario(
            name="opted-out",
            about="the recipient wants no more e-mail",
            prepare=known("email", "sms", optedOut={"email"}),
            start=queued(),
        ),
        Scenario(name="gone", about="the recipient has gone", prepare=begin_log, start=queued()),
        *(
            Scenario(
                name=f"{channel}-at-night",
                about="put off until the morning",
                prepare=known(channel, quietHours=AT_NIGHT),
                start=queued(channel),
            )
            for channel in CHANNELS
        ),
        Scenario(
            name="day",
            about="not put off, out of the quiet hours",
            prepare=known("email", quietHours=AT_NOON),
            start=queued(),
        ),
        Scenario(
            name="again",
            about="a message whose notification was sent before",
            prepare=sent_before,
            start=queued(),
        ),
        Scenario(
            name="no-messages",
            about="somebody starts it by hand, with what is no batch of messages",
            start=lambda app: app.run("Notification", [{}]),
            expect="FAILED",
        ),
    ],
    recover=send_lost_schedules,
    effects={"delivery of notification": deliveries},
    invariants=[log_says_what_was_sent],
    # That a schedule is there is the answer to making it again.
    outcomes=("RecipientRefused", "Scheduler.ConflictException"),
    errors={"Send": ("RecipientRefused", "ProviderUnavailable")},
    ignore={
        "RecordedMessages.times": "a provider whose answer was lost is asked again, under the id",
        "NotificationLog.changes": "each attempt is a change",
        "NotificationSends": "until when a record is good depends on when it was made",
    },
)
