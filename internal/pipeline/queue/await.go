package queue

import (
	"context"
	"time"
)

// Await is Fetch of a queue within the process. It calls take until that returns messages or an error, or
// wait is over. If take returns neither, it is called again after next, or once changed is closed. It must
// return an error once ctx has ended.
func Await(
	ctx context.Context, wait time.Duration,
	take func() (got []Message, next time.Duration, changed <-chan struct{}, err error),
) ([]Message, error) {
	deadline := time.NewTimer(wait)
	defer deadline.Stop()
	for {
		got, next, changed, err := take()
		if err != nil || len(got) > 0 {
			return got, err
		}
		pause := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-pause.C:
		case <-deadline.C:
			pause.Stop()
			return nil, nil
		}
		pause.Stop()
	}
}
