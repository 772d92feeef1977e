"""What comes in: tasks, and candidate texts from files, archives and buckets."""
