"""Who is on the stand: recorded tables, and the judgement simulator."""
