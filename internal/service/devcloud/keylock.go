package devcloud

import "sync"

// keyLocks holds one lock for each object that somebody is reading or writing. A write holds it from the moment at which
// its bytes are staged to the moment at which it has taken effect and has its sequencer; a read holds it while the gateway
// opens the file and gathers what belongs to it, so that both are of the same write.
type keyLocks struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sync.RWMutex
	users int // holding or waiting; guarded by keyLocks.mu
}

func newKeyLocks() *keyLocks { return &keyLocks{locks: map[string]*keyLock{}} }

// lock waits for every reader and writer of the object; the function that it answers with releases it.
func (l *keyLocks) lock(o object) func() {
	id := o.id()
	k := l.enter(id)
	k.Lock()
	return func() { k.Unlock(); l.leave(id, k) }
}

// rlock waits for the writer of the object only.
func (l *keyLocks) rlock(o object) func() {
	id := o.id()
	k := l.enter(id)
	k.RLock()
	return func() { k.RUnlock(); l.leave(id, k) }
}

// lockCopy locks to and read-locks from, in one order for all callers, so that crossing copies do not wait for each other.
func (l *keyLocks) lockCopy(from, to object) func() {
	var first, second func()
	switch a, b := from.id(), to.id(); {
	case a == b:
		return l.lock(to)
	case a < b:
		first = l.rlock(from)
		second = l.lock(to)
	default:
		first = l.lock(to)
		second = l.rlock(from)
	}
	return func() { second(); first() }
}

func (l *keyLocks) enter(id string) *keyLock {
	l.mu.Lock()
	defer l.mu.Unlock()
	k := l.locks[id]
	if k == nil {
		k = &keyLock{}
		l.locks[id] = k
	}
	k.users++
	return k
}

func (l *keyLocks) leave(id string, k *keyLock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if k.users--; k.users == 0 {
		delete(l.locks, id)
	}
}
