"""What Redis, or what is there instead, answers when it cannot be used: in words, with what to do.

Of what a server says nothing is repeated but the name of a command: some repeat what they were sent, and that
may be a password.
"""

from __future__ import annotations

import errno
import re
import socket
import ssl
from collections.abc import Iterator

from redis.exceptions import ConnectionError as RedisConnectionError
from redis.exceptions import InvalidResponse, RedisError
from redis.exceptions import TimeoutError as RedisTimeout

_START = "start it, or correct REDIS_URL"
_ALL = "allow INFO and what is not dangerous, on the keys meterfarm:* and arq:* and the channels meterfarm:*"
_REPLICA = "is a read-only replica; name the primary in REDIS_URL"
_CLUSTER = "is part of a cluster, where the farm cannot work; use a Redis without cluster mode"
_LOGIN = "refuses the user name or the password; correct them in REDIS_URL"
_NO_LOGIN = "has no password set, and REDIS_URL gives one; take it out of REDIS_URL"
ENDED = "ended the connection without an answer; see that it is a Redis; one that speaks TLS wants rediss://"
_FOREIGN = "answers with something that no Redis answers; correct the host and port in REDIS_URL"
_BY_ERROR = {
    "OutOfMemoryError": "is full and takes nothing more; raise its maxmemory, or give the farm another",
    "ReadOnlyError": _REPLICA,
    "BusyLoadingError": "is still loading its data; wait until it has",
}
_BY_WORDS = (
    ("wrongpass", _LOGIN),
    ("invalid username-password", _LOGIN),
    ("invalid password", _LOGIN),
    ("without any password configured", _NO_LOGIN),
    ("no password is set", _NO_LOGIN),
    ("authentication required", "wants a password; write it in REDIS_URL"),
    ("noauth", "wants a password; write it in REDIS_URL"),
    ("wrong number of arguments for 'auth'", "takes no user name; write only the password in REDIS_URL"),
    ("db index is out of range", "has no database of this number; correct the number in REDIS_URL"),
    ("invalid db index", "has no database of this number; correct the number in REDIS_URL"),
    ("select is not allowed in cluster mode", _CLUSTER),
    ("cluster support disabled", _CLUSTER),
    ("crossslot", _CLUSTER),
    ("clusterdown", _CLUSTER),
    ("moved ", _CLUSTER),
    ("max number of clients reached", "takes no more connections; raise its maxclients"),
    ("protected mode", "is in protected mode and takes no connections from here; set a password there"),
    ("maxmemory", _BY_ERROR["OutOfMemoryError"]),
    ("oom ", _BY_ERROR["OutOfMemoryError"]),
    ("misconf", "refuses writes, since it cannot save to its disk; make room there, or turn saving off"),
    ("noreplicas", "refuses writes, since too few replicas are connected to it; mend that"),
    ("masterdown", "is a replica that has lost its primary; name the primary in REDIS_URL"),
    ("read only replica", _REPLICA),
    ("readonly", _REPLICA),
    ("busy ", "is held up by somebody's script; wait, or end that by SCRIPT KILL"),
    ("loading", _BY_ERROR["BusyLoadingError"]),
)  # fmt: skip
_COMMAND = re.compile(r"(?:run|unknown command)[^'`]{0,20}['`]([A-Za-z|]{1,30})['`]", re.IGNORECASE)


def explained(error: BaseException) -> str:
    """What is wrong, after "Redis at ... "; the reason first, then what to do."""
    causes = list(_chain(error))
    for cause in causes:
        sentence = _of_connection(cause)
        if sentence:
            return sentence
    if any(isinstance(cause, RedisTimeout | TimeoutError) for cause in causes):
        return f"does not answer in time; {_START}"
    if any(isinstance(cause, InvalidResponse) for cause in causes):
        return "answers in something that is not Redis's protocol; correct the host and port in REDIS_URL"
    if not isinstance(error, RedisError):
        return _FOREIGN
    return _of_answer(error)


def _of_answer(error: RedisError) -> str:
    words = str(error).casefold()
    by_error = _BY_ERROR.get(type(error).__name__)
    if by_error:
        return by_error
    if "no permission" in words or type(error).__name__ == "NoPermissionError":
        what = _COMMAND.search(str(error))
        lacks = f"the command {what[1]}" if what else "something that the farm needs"
        return f"does not allow its user {lacks}; {_ALL}"
    for part, sentence in _BY_WORDS:
        if part in words:
            return sentence
    if "unknown command" in words:
        what = _COMMAND.search(str(error))
        named = f" {what[1]}" if what else ""
        return f"does not know the command{named}; use Redis 5 or newer, or one that speaks as it does"
    if isinstance(error, RedisConnectionError):
        return ENDED if "connection" in words else _FOREIGN
    code = re.match(r"[A-Z]{2,20}\b", str(error))
    return f"refuses what the farm needs ({code[0] if code else type(error).__name__}); its own log says more"


def _of_connection(cause: BaseException) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        why = cause.verify_message
        return f"shows a certificate that is not to be trusted: {why}; see ssl_ca_certs in REDIS_URL"
    if isinstance(cause, ssl.SSLError):
        return (
            "does not speak TLS as asked; write redis:// if it speaks none, or correct the port in REDIS_URL"
        )
    if isinstance(cause, socket.gaierror):
        return "is not known by this name; correct the host in REDIS_URL, or see that DNS works"
    if isinstance(cause, OSError) and cause.errno is not None:
        if cause.errno == errno.ECONNREFUSED:
            return f"cannot be reached: nothing listens there; {_START}"
        if cause.errno == errno.ETIMEDOUT:
            return f"does not answer in time; {_START}"
        if cause.errno in (errno.ECONNRESET, errno.EPIPE):
            return ENDED
        reason = errno.errorcode.get(cause.errno, str(cause.errno))
        return f"cannot be reached: {(cause.strerror or reason).lower()}; {_START}"
    return ""


def _chain(error: BaseException) -> Iterator[BaseException]:
    """It and what led to it; some of redis-py's have the first error only as a context or an argument."""
    seen: set[int] = set()
    waiting: list[BaseException | None] = [error]
    while waiting:
        cause = waiting.pop(0)
        if cause is None or id(cause) in seen:
            continue
        seen.add(id(cause))
        yield cause
        waiting += [
            cause.__cause__,
            cause.__context__,
            *(arg for arg in cause.args if isinstance(arg, BaseException)),
        ]
        if isinstance(cause, BaseExceptionGroup):
            waiting += cause.exceptions
