package sqlite

// notifier tells the workers of this process that work appeared or moved.
type notifier chan struct{}

// signal leaves a hint. It never blocks: one that was not taken yet covers the
// new one.
func (n notifier) signal() {
	select {
	case n <- struct{}{}:
	default:
	}
}

// Notify returns the channel that gets a hint when work was enqueued or became
// due at another time. It is always the same channel and holds one hint, so it
// serves one loop or a pool of equal workers. Whoever takes a hint claims until
// there is nothing left.
func (db *DB) Notify() <-chan struct{} { return db.notify }
