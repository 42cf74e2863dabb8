package devcloud

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/versity/versitygw/auth"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/s3api"
	"github.com/versity/versitygw/s3api/middlewares"
)

const (
	maxConnections = 4096
	maxParts       = 10_000  // of one multipart upload, as in S3
	maxCopy        = 5 << 30 // bytes of one copy, as in S3
	bucketACL      = "acl"   // attribute of the backend without which a bucket is unusable
)

// openPosix opens the gateway's files. It changes the working directory of the process to f.data,
// where it must remain, because the backend names its files relative to it.
func openPosix(f *folder, attrs *attributes) (*posix.Posix, error) {
	// The backend prints a line to os.Stdout if there is a folder for versions.
	stdout := os.Stdout
	null, err := os.OpenFile(os.DevNull, os.O_WRONLY, 0)
	if err != nil {
		return nil, err
	}
	os.Stdout = null
	p, err := posix.New(f.data, attrs, posix.PosixOpts{
		VersioningDir:       f.versions,
		ForceNoObjLockFile:  true, // the lock on the folder keeps other processes out
		ForceNoTmpFile:      true, // an unnamed file briefly has a name beside the object, which is listed as a key
		ValidateBucketNames: true,
		CopyObjectThreshold: maxCopy,
	})
	os.Stdout = stdout
	return p, errors.Join(err, null.Close())
}

// makeBucket creates a bucket that is missing, or that a crash left incomplete.
func (g *gateway) makeBucket(ctx context.Context, name, owner string) error {
	dir := filepath.Join(g.root, name)
	if _, err := os.Stat(dir); err == nil {
		if g.attrs.has(object{Bucket: name}, bucketACL) {
			return nil
		}
		if err := os.Remove(dir); err != nil {
			return fmt.Errorf(
				"bucket %s has no access list and is not empty; was %s copied without its meta folder? (%w)", name, dir, err)
		}
	} else if !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("bucket %s: %w", name, err)
	}
	acl, err := json.Marshal(auth.ACL{Owner: owner})
	if err != nil {
		return fmt.Errorf("bucket %s: %w", name, err)
	}
	err = g.CreateBucket(ctx, &s3.CreateBucketInput{
		Bucket:                    &name,
		CreateBucketConfiguration: &types.CreateBucketConfiguration{},
		ObjectOwnership:           types.ObjectOwnershipBucketOwnerEnforced,
	}, acl)
	if err != nil {
		return fmt.Errorf("bucket %s: %w", name, err)
	}
	return nil
}

// clearStaged removes uploads that were cut off when the process died, and the attributes of
// multipart uploads that no longer exist, which the backend leaves behind. It keeps multipart
// uploads in progress.
func clearStaged(f *folder) error {
	files, err := filepath.Glob(filepath.Join(f.data, "*", posix.MetaTmpDir, "*"))
	if err != nil {
		return err
	}
	for _, file := range files {
		info, err := os.Lstat(file)
		if err == nil && info.Mode().IsRegular() {
			err = os.Remove(file)
		}
		if err != nil {
			return err
		}
	}
	uploads, err := filepath.Glob(filepath.Join(f.meta, "*", filepath.FromSlash(posix.MetaTmpMultipartDir), "*", "*"))
	if err != nil {
		return err
	}
	for _, dir := range uploads {
		name, err := filepath.Rel(f.meta, dir)
		if err != nil {
			return err
		}
		upload := filepath.Join(f.data, name)
		if filepath.Base(name) == "meta" { // the attributes of all uploads of one key
			upload = filepath.Dir(upload)
		}
		if _, err := os.Stat(upload); err == nil {
			continue
		} else if !notExist(err) {
			return err
		}
		if err := os.RemoveAll(dir); err != nil {
			return err
		}
	}
	return nil
}

// serveInner runs the gateway's own server until ctx ends or it fails. It calls listening once it is bound.
//
// It is made of s3api and not of package embedgw, with which the linker keeps a web interface and the clients of Vault,
// LDAP, Kafka, RabbitMQ and statsd: 2.2 MB of the binary.
func (g *gateway) serveInner(ctx context.Context, address, region string, account credentials, listening func()) error {
	users := auth.NewIAMServiceSingle(auth.Account{Access: account.Access, Secret: account.Secret, Role: auth.RoleAdmin})
	root := middlewares.RootUserConfig{Access: account.Access, Secret: account.Secret}
	server, err := s3api.New(g, root, region, users, nil, nil, nil, nil,
		s3api.WithConcurrencyLimiter(maxConnections, maxConnections), s3api.WithMpMaxParts(maxParts), s3api.WithKeepAlive(), s3api.WithQuiet(),
		s3api.WithOnListen(listening), s3api.WithMiddleware("/", g.screen), s3api.WithMiddleware("/", g.gate.pass))
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- server.ServeMultiPort([]string{address}) }()
	select {
	case <-ctx.Done():
		err = endServer(server, ended)
	case err = <-ended:
		err = errors.Join(err, server.ShutDown())
	}
	err = errors.Join(err, users.Shutdown())
	g.Shutdown()
	return err
}

// endServer shuts a server down and waits until it has ended. It calls listening before it serves, and a shutdown in between
// finds nothing to end: the server would serve for good.
func endServer(server *s3api.S3ApiServer, ended <-chan error) error {
	for {
		if err := server.ShutDown(); err != nil {
			return err
		}
		select {
		case <-ended: // its error is that its listener is closed
			return nil
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// serve runs the gateway behind a front on l until ctx ends, or until either fails. It calls ready
// once it serves requests.
func (g *gateway) serve(
	ctx context.Context, l net.Listener, region string, account credentials, ready func(),
) error {
	// The gateway opens its listener itself. If another program takes this port in between, the
	// start fails.
	inner, err := listenOn(0)
	if err != nil {
		return err
	}
	address := inner.Addr().String()
	if err := inner.Close(); err != nil {
		return err
	}
	f := newFront(l, address, limitsFor(maxFiles()), g.gate.isBusy, g.log)
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	defer end()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	context.AfterFunc(ctx, func() {
		f.close()
		g.gate.drain()
		end()
	})
	failed := make(chan error, 1)
	listening := func() {
		f.begin(func() {
			failed <- f.serve()
			stop()
		})
		ready()
	}
	err = g.serveInner(serving, address, region, account, listening)
	f.close()
	f.wait()
	select {
	case frontErr := <-failed:
		return errors.Join(err, frontErr)
	default:
		return err
	}
}
