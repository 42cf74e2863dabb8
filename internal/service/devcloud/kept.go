package devcloud

import (
	"context"
	"errors"
	"log/slog"

	"github.com/imgmill/imgmill/internal/pipeline/queue"
)

// ErrNoCloud means that the folder holds no data of a cloud.
var ErrNoCloud = errors.New("no local cloud has been started here")

// KeptQueue is the queue of a cloud that is not running.
type KeptQueue struct {
	queue.Queue
	nats   *natsServer
	folder *folder
}

// OpenQueue opens the queue of the cloud whose data is in dir, without its S3 server. It creates
// nothing: the error is ErrNoCloud if there is no such data, and ErrInUse while a Cloud is running
// on the folder.
func OpenQueue(ctx context.Context, dir string, log *slog.Logger) (*KeptQueue, error) {
	if err := CheckFolder(dir); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	k := &KeptQueue{}
	var err error
	if k.folder, err = openFolder(dir); err != nil {
		return nil, err
	}
	n, q, err := openQueue(ctx, k.folder, 0, log)
	k.nats = n
	if err != nil {
		return nil, errors.Join(err, k.Close())
	}
	k.Queue = q
	return k, nil
}

// Close closes the queue, whose messages stay, and releases the folder.
func (k *KeptQueue) Close() error {
	var err error
	if k.Queue != nil {
		err = k.Queue.Close()
	}
	if k.nats != nil {
		k.nats.close()
	}
	return errors.Join(err, k.folder.close())
}
