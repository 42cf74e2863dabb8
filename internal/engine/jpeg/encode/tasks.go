package encode

import "sync"

// tasks is work for several threads, which may find out that there is more to do. The zero value has none.
type tasks struct {
	mu      sync.Mutex
	change  sync.Cond // of what follows
	waiting []task    // that no thread has begun
	running int       // tasks that threads have begun
}

// task is a piece of work, and how urgent it is.
type task struct {
	urgency int
	do      func(thread int)
}

// add adds a task.
func (t *tasks) add(urgency int, do func(thread int)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.waiting = append(t.waiting, task{urgency, do})
	if t.change.L != nil {
		t.change.Signal()
	}
}

// run calls all tasks, and those that they add. Each thread takes the most urgent one, of several the first that was
// added. A panic is passed on.
func (t *tasks) run(threads int) {
	t.change.L = &t.mu
	together(max(threads, 1), func(thread int) {
		t.mu.Lock()
		defer t.mu.Unlock()
		for len(t.waiting) > 0 || t.running > 0 {
			if len(t.waiting) == 0 {
				t.change.Wait()
				continue
			}
			t.one(thread)
		}
	})
}

// one runs the most urgent task, without the lock.
func (t *tasks) one(thread int) {
	most := 0
	for i := range t.waiting {
		if t.waiting[i].urgency > t.waiting[most].urgency {
			most = i
		}
	}
	do := t.waiting[most].do
	t.waiting = append(t.waiting[:most], t.waiting[most+1:]...)
	t.running++
	t.mu.Unlock()
	ended := false
	defer func() {
		t.mu.Lock()
		t.running--
		if !ended { // It panics: no thread goes on.
			t.waiting = nil
		}
		if len(t.waiting) == 0 {
			t.change.Broadcast()
		}
	}()
	do(thread)
	ended = true
}
