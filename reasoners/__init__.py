"""Who is on the stand: recorded tables, the judgement simulator, transparent reasoners, and the instructed one."""
