package sync

// SetWindow sets how many objects the streams of a comparison hold.
func SetWindow(c *Comparison, n int) { c.window = n }
