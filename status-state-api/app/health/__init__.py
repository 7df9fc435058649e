"""Whether the applications inside the originals are well: by their engine's health check, by probes, and by their logs.

*rules* says what is asked of a container, by label or policy; *probe* and *logs* find out, *judging* makes verdicts of
that, *verdicts* holds them and *announcer* tells of them. *observer* sees to it that each container's present run is
observed, and no other; *supervisor* gives each its rules. Containers without a rule cost nothing.
"""
