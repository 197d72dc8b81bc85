"""What ends or outlives a job before its time: signals, time limits, ranks that hang or die."""
