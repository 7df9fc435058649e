"""Whether the applications inside the originals are well: by their engine's health check, by probes, and by their logs.

*rules* says what is asked of a container, *policy* where rules come from beside labels; *probe* and *logs* observe,
*judging* decides, *verdicts* holds what was decided, *overseer* sees to it that each container's present run is
observed, and no other. Containers without a rule cost nothing.
"""
