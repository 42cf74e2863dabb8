// Package probe finds out which promises of the contract of package bucket a store does not keep,
// and makes such a store usable.
//
// Run tries them with objects of its own, once, when a service starts. Adapt then takes the closest
// safe way: a condition that the store ignores is replaced by a look before the call. That leaves a
// moment in which somebody else can write, so it is safe only for callers that look again after they
// have written, as package mill does. Amazon S3 keeps all promises: a Lambda function needs neither.
//
// The package never touches an object that no probe has created, and never changes a setting of a
// bucket. In a bucket with versioning, its objects leave versions and delete markers behind.
package probe

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/imgmill/imgmill/internal/pipeline/bucket"
)

// Lack is a promise of the contract that a store does not keep. Its text completes the sentence "the
// store lacks ...".
type Lack string

// What stores were seen to lack.
const (
	// PutIfAbsent: a put with the condition IfAbsent replaces an object.
	PutIfAbsent Lack = "puts on the condition that there is no object"
	// PutIfMatch: a put with the condition IfMatch replaces an object with another ETag.
	PutIfMatch Lack = "puts on the condition of an ETag"
	// DeleteIfMatch: a delete with the condition IfMatch removes an object with another ETag, as
	// MinIO does, or is refused.
	DeleteIfMatch Lack = "deletions on the condition of an ETag"
	// CopySource: a copy with the condition IfMatch on its source is made of an object with another
	// ETag, as on moto.
	CopySource Lack = "copies on the condition of the source's ETag"
	// CopyTarget: a copy with a condition replaces an object for which it does not hold, as on most
	// stores but Amazon S3 and SeaweedFS.
	CopyTarget Lack = "copies on a condition of what they replace"
	// PutAfterDelete: a put with the condition IfAbsent fails for ever after the object was deleted,
	// although there is none, as on versitygw in a bucket with versioning.
	PutAfterDelete Lack = "puts on the condition that there is no object over a delete marker"
	// ListOrder: a listing is not in byte order, as on SeaweedFS in a bucket with versioning.
	ListOrder Lack = "listings in byte order"
)

// Lacks is a set of lacks.
type Lacks []Lack

// Has reports whether the set contains a lack.
func (l Lacks) Has(one Lack) bool { return slices.Contains(l, one) }

func (l Lacks) String() string {
	if len(l) == 0 {
		return "nothing"
	}
	texts := make([]string, len(l))
	for i, one := range l {
		texts[i] = string(one)
	}
	return strings.Join(texts, ", ")
}

// cleanUp is how long the removal of the probe's objects may take.
const cleanUp = 10 * time.Second

// ErrNotProbed means that the credentials do not allow a probe.
var ErrNotProbed = errors.New("the store was not probed")

// namePrefix begins the names of all objects of probes.
const namePrefix = ".imgmill-probe-"

// abandoned is the age from which on an object of a probe is one whose process was killed.
const abandoned = 10 * time.Minute

// Run returns what the store lacks in a bucket. Its objects have names that begin with
// .imgmill-probe- and do not exist afterwards, unless the process is killed: then a later run removes
// them. If deletions are not allowed, which Run finds out
// before it writes anything, the error is ErrNotProbed.
func Run(ctx context.Context, store bucket.Store, name string) (lacks Lacks, err error) {
	p := &probe{ctx: ctx, store: store, bucket: name, prefix: namePrefix + rand.Text()[:16] + "-"}
	defer func() { err = errors.Join(err, p.clean()) }()
	key := p.prefix + "a.txt"
	if err := store.Delete(ctx, name, key, bucket.Condition{}); errors.Is(err, bucket.ErrDenied) {
		return nil, fmt.Errorf("%w: %w", ErrNotProbed, err)
	} else if err != nil {
		return nil, fmt.Errorf("probe the store: %w", err)
	}
	for _, step := range []func(string) error{p.puts, p.copies, p.deletes, p.putAfterDelete, p.order} {
		if err := step(key); err != nil {
			return nil, fmt.Errorf("probe the store: %w", err)
		}
	}
	return p.lacks, nil
}

// probe is one run.
type probe struct {
	ctx    context.Context
	store  bucket.Store
	bucket string
	prefix string
	keys   []string // that may exist
	lacks  Lacks
}

// wrong is an ETag that no object of the probe has.
const wrong = "900150983cd24fb0d6963f7d28e17f72"

func (p *probe) put(key, body string, cond bucket.Condition) error {
	if !slices.Contains(p.keys, key) {
		p.keys = append(p.keys, key)
	}
	attr := bucket.Attributes{ContentType: "text/plain"}
	_, err := p.store.Put(p.ctx, p.bucket, key, []byte(body), attr, cond)
	return err
}

// lacking adds a lack if a call that the store must fail has succeeded, or if the store refuses the
// condition. It returns any other error.
func (p *probe) lacking(one Lack, err error) error {
	switch {
	case errors.Is(err, bucket.ErrPrecondition):
		return nil
	case err == nil, errors.Is(err, bucket.ErrInvalid):
		p.lacks = append(p.lacks, one)
		return nil
	}
	return err
}

func (p *probe) puts(key string) error {
	if err := p.put(key, "one", bucket.Condition{}); err != nil {
		return err
	}
	if err := p.lacking(PutIfAbsent, p.put(key, "two", bucket.Condition{IfAbsent: true})); err != nil {
		return err
	}
	return p.lacking(PutIfMatch, p.put(key, "three", bucket.Condition{IfMatch: wrong}))
}

// copies probes the conditions of copies. A refused copy of an object onto itself says nothing, so
// there are two objects.
func (p *probe) copies(key string) error {
	to := p.prefix + "copy.txt"
	p.keys = append(p.keys, to)
	copied := func(ifMatch string, cond bucket.Condition) error {
		from := bucket.Source{Bucket: p.bucket, Key: key, IfMatch: ifMatch}
		return p.store.Copy(p.ctx, from, p.bucket, to, bucket.Attributes{ContentType: "text/plain"}, cond)
	}
	err := copied("", bucket.Condition{})
	if errors.Is(err, bucket.ErrDenied) || errors.Is(err, bucket.ErrInvalid) {
		return nil // whoever may make no copies does not need their conditions
	}
	if err != nil {
		return err
	}
	if err := p.lacking(CopySource, copied(wrong, bucket.Condition{})); err != nil {
		return err
	}
	err = copied("", bucket.Condition{IfAbsent: true})
	if errors.Is(err, bucket.ErrPrecondition) {
		err = copied("", bucket.Condition{IfMatch: wrong})
	}
	return p.lacking(CopyTarget, err)
}

func (p *probe) deletes(key string) error {
	err := p.store.Delete(p.ctx, p.bucket, key, bucket.Condition{IfMatch: wrong})
	return p.lacking(DeleteIfMatch, err)
}

func (p *probe) putAfterDelete(key string) error {
	if err := p.store.Delete(p.ctx, p.bucket, key, bucket.Condition{}); err != nil {
		return err
	}
	err := p.put(key, "four", bucket.Condition{IfAbsent: true})
	if errors.Is(err, bucket.ErrPrecondition) {
		p.lacks = append(p.lacks, PutAfterDelete)
		return nil
	}
	if errors.Is(err, bucket.ErrInvalid) { // the condition is refused, which puts has found out
		return nil
	}
	return err
}

func (p *probe) order(string) error {
	for _, key := range []string{"夏休み.txt", "B.txt", "夏/x.txt", "a/1.txt", "a-1.txt"} {
		if err := p.put(p.prefix+key, "x", bucket.Condition{}); err != nil {
			return err
		}
	}
	last := ""
	for info, err := range p.store.List(p.ctx, p.bucket, p.prefix) {
		if errors.Is(err, bucket.ErrDenied) {
			return nil // whoever may not list does not need the order
		}
		if err != nil {
			return err
		}
		if info.Key < last {
			p.lacks = append(p.lacks, ListOrder)
			return nil
		}
		last = info.Key
	}
	return nil
}

// clean removes the objects of the probe, also after its context has ended.
func (p *probe) clean() error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(p.ctx), cleanUp)
	defer cancel()
	var errs []error
	for info, err := range p.store.List(ctx, p.bucket, namePrefix) {
		if err != nil {
			break // without the right to list, none can be found
		}
		if !info.Modified.IsZero() && time.Since(info.Modified) > abandoned {
			p.keys = append(p.keys, info.Key)
		}
	}
	for _, key := range p.keys {
		if err := p.store.Delete(ctx, p.bucket, key, bucket.Condition{}); err != nil {
			errs = append(errs, fmt.Errorf("remove an object of the probe: %w", err))
		}
	}
	return errors.Join(errs...)
}

// Message begins what Prepare logs of a store that was probed.
const Message = "store probed"

// Prepare probes a store, logs the result in one line and returns the store to use. A store that
// could not be probed is used as it is: what fails then is reported by the calls themselves.
func Prepare(ctx context.Context, store bucket.Store, name string, log *slog.Logger) bucket.Store {
	start := time.Now()
	lacks, err := Run(ctx, store, name)
	switch {
	case err != nil:
		log.Warn("store not probed; its conditional writes are relied on", "bucket", name, "error", err)
		return store
	case len(lacks) > 0:
		log.Info(Message+"; imgmill does without what it lacks",
			"bucket", name, "lacks", lacks.String(), "ms", time.Since(start).Milliseconds())
	default:
		log.Info(Message, "bucket", name, "lacks", lacks.String(), "ms", time.Since(start).Milliseconds())
	}
	return Adapt(store, lacks)
}
