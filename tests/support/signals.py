"""Signals as they come."""

import os
import signal

TO_ALL = (signal.SIGINT, signal.SIGHUP)
"""What a terminal sends to all processes that it started; others are sent to one."""


def send_as_the_system_does(leader: int, number: int) -> None:
    """Send a signal to a process that leads its group, and to the others if all would get it."""
    (os.killpg if number in TO_ALL else os.kill)(leader, number)
