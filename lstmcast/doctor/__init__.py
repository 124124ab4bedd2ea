"""What `lstmcast doctor` looks at: packages, devices, sources, folders, and what is wrong there."""

from lstmcast.doctor.findings import Problem, guarded
from lstmcast.doctor.folders import Folder, look_at_ledger, look_at_runs, look_at_store
from lstmcast.doctor.machine import Device, devices
from lstmcast.doctor.packages import extras, requirements, versions
from lstmcast.doctor.reach import TOKENS, Reached, ask_sources

__all__ = [
    "TOKENS", "Device", "Folder", "Problem", "Reached", "ask_sources", "devices", "extras",
    "guarded", "look_at_ledger", "look_at_runs", "look_at_store", "requirements", "versions",
]  # fmt: skip
