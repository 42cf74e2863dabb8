package codec

// Pipeline runs produce in a second goroutine, ahead of consume, which runs in the caller's.
// produce fills one of the items, of which each is used again once it was consumed, and returns
// whether more follow. The goroutine has ended when Pipeline returns; if it panics, so does
// Pipeline.
func Pipeline[T any](items []T, produce func(T) (more bool, err error), consume func(T) error) error {
	free, full := make(chan T, len(items)), make(chan T, len(items))
	for _, item := range items {
		free <- item
	}
	stop := make(chan struct{})
	var failed error
	var panicked any
	go func() {
		defer close(full)
		defer func() { panicked = recover() }()
		for more := true; more && failed == nil; {
			select {
			case <-stop:
				return
			case item := <-free:
				if more, failed = produce(item); failed == nil {
					full <- item
				}
			}
		}
	}()
	defer func() {
		close(stop)
		for range full {
		}
	}()
	for item := range full {
		if err := consume(item); err != nil {
			return err
		}
		free <- item
	}
	if panicked != nil {
		panic(panicked)
	}
	return failed
}
