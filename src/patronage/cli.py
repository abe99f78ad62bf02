"""Command line: one command per job; parsing here, work in `patronage.jobs`."""
