"""What the scripts of this folder share: a connection through the gateway, and a refusal that can be looked at.

The address, the token and the database come from libpq's own environment variables.
"""

import contextlib

import psycopg


def connect(**options):
    """A connection in autocommit, so that each statement stands for itself."""
    return psycopg.connect(autocommit=True, **options)


@contextlib.contextmanager
def refused(sqlstate, *words):
    """Expects an error with this code and these words in what the gateway says."""
    try:
        yield
    except psycopg.Error as error:
        told = f"{error} {error.diag.message_primary} {error.diag.message_hint} {error.diag.message_detail}"
        assert error.sqlstate == sqlstate, f"{error.sqlstate}: {told}"
        for word in words:
            assert word in told, f"{word!r} is not in {told!r}"
    else:
        raise AssertionError(f"not refused with {sqlstate}")


def equal(found, wanted):
    assert found == wanted, f"{found!r} is not {wanted!r}"
