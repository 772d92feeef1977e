"""Worker children: forked, fed, killed and replaced."""
