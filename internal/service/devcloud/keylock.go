package devcloud

import "sync"

// keyLocks holds a lock for each object that is being read or written. A write holds its lock from
// when its bytes are staged until it has taken effect and has its sequencer. A read holds it while
// the gateway opens the file and collects its attributes, so that both belong to the same write.
type keyLocks struct {
	mu    sync.Mutex
	locks map[string]*keyLock
}

type keyLock struct {
	sync.RWMutex
	users int // holding or waiting; guarded by keyLocks.mu
}

func newKeyLocks() *keyLocks { return &keyLocks{locks: map[string]*keyLock{}} }

// lock waits for all readers and writers of the object. It returns the function that unlocks.
func (l *keyLocks) lock(o object) func() {
	id := o.id()
	k := l.enter(id)
	k.Lock()
	return func() { k.Unlock(); l.leave(id, k) }
}

// rlock waits for a writer of the object. It returns the function that unlocks.
func (l *keyLocks) rlock(o object) func() {
	id := o.id()
	k := l.enter(id)
	k.RLock()
	return func() { k.RUnlock(); l.leave(id, k) }
}

// lockCopy locks to and read-locks from, in the same order for all callers, so that two copies in
// opposite directions do not deadlock.
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
