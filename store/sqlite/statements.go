package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"sync"
)

// maxStatements bounds what is kept prepared; the texts of this package are fixed,
// so it is never reached.
const maxStatements = 512

// statements keeps the statements of one pool of connections prepared. A
// statement that was used once is prepared before the next transaction, not inside
// of one, which may hold the only connection. It is safe for concurrent use.
type statements struct {
	db     *sql.DB
	mu     sync.Mutex
	ready  map[string]*sql.Stmt
	wanted map[string]bool
}

func newStatements(db *sql.DB) *statements {
	return &statements{db: db, ready: map[string]*sql.Stmt{}, wanted: map[string]bool{}}
}

// find returns a statement that is prepared; otherwise it will be the next time.
func (s *statements) find(query string) (*sql.Stmt, bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	stmt, ok := s.ready[query]
	if !ok && len(s.ready)+len(s.wanted) < maxStatements {
		s.wanted[query] = true
	}
	return stmt, ok
}

// prepare prepares what was used since the last time. What cannot be prepared is
// left to whoever uses it.
func (s *statements) prepare(ctx context.Context) {
	for _, query := range s.takeWanted() {
		s.add(ctx, query)
	}
}

func (s *statements) takeWanted() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	wanted := slices.Collect(maps.Keys(s.wanted))
	clear(s.wanted)
	return wanted
}

func (s *statements) add(ctx context.Context, query string) {
	stmt, err := s.db.PrepareContext(ctx, query)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, twice := s.ready[query]; twice {
		_ = stmt.Close() //nolint:sqlclosecheck // nobody used it
		return
	}
	s.ready[query] = stmt
}

// QueryContext makes statements a [querier] outside of transactions.
func (s *statements) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	s.prepare(ctx)
	if stmt, ok := s.find(query); ok { //nolint:sqlclosecheck // statements live as long as the database
		return stmt.QueryContext(ctx, args...)
	}
	return s.db.QueryContext(ctx, query, args...)
}

func (s *statements) close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, stmt := range s.ready {
		errs = append(errs, stmt.Close())
	}
	return errors.Join(errs...)
}

// preparedTx is a transaction that runs prepared statements where there are.
type preparedTx struct {
	tx         *sql.Tx
	statements *statements
	// bound holds those that were used in this transaction, nil for those that
	// were not prepared.
	bound map[string]*sql.Stmt
}

func (s *statements) begin(ctx context.Context, opts *sql.TxOptions) (*preparedTx, error) {
	s.prepare(ctx)
	tx, err := s.db.BeginTx(ctx, opts)
	if err != nil {
		return nil, err
	}
	return &preparedTx{tx: tx, statements: s, bound: map[string]*sql.Stmt{}}, nil
}

// bind returns a statement for this transaction, nil for one that is better run
// without: when it is used for the first time.
func (t *preparedTx) bind(ctx context.Context, query string) *sql.Stmt {
	bound, again := t.bound[query]
	if bound != nil {
		return bound
	}
	if again {
		// A statement that cannot be prepared reports that when it is run.
		bound, _ = t.tx.PrepareContext(ctx, query)
	} else if stmt, ok := t.statements.find(query); ok {
		bound = t.tx.StmtContext(ctx, stmt)
	}
	t.bound[query] = bound // ends with the transaction
	return bound
}

func (t *preparedTx) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	if stmt := t.bind(ctx, query); stmt != nil { //nolint:sqlclosecheck // ends with the transaction
		return stmt.QueryContext(ctx, args...)
	}
	return t.tx.QueryContext(ctx, query, args...)
}

func (t *preparedTx) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	if stmt := t.bind(ctx, query); stmt != nil { //nolint:sqlclosecheck // ends with the transaction
		return stmt.ExecContext(ctx, args...)
	}
	return t.tx.ExecContext(ctx, query, args...)
}
