"""Methods in processes of their own: a crash, a hang or a trick in one ends that process and nothing else.

`template` is a process that has imported what methods need and forks workers; `serve` is what a worker does;
`wire` is how bytes travel; `link` is the side of the run, which trusts nothing that comes back.
"""
