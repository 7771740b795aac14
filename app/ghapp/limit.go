package ghapp

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/kargo-app/kargo/pipeline"
)

const (
	// patience is the longest wait that is slept through; a longer one is the
	// caller's to plan.
	patience = 2 * time.Second
	// GitHub's rule for a limit without retry-after: at least a minute, longer
	// each time.
	firstSecondary = time.Minute
	lastSecondary  = 15 * time.Minute
)

// limits keeps to GitHub's rate limits. Both 403 and 429 may say that there is
// one; neither says anything about the request, which was not carried out.
type limits struct {
	l    *limiter
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (t *limits) RoundTrip(req *http.Request) (*http.Response, error) {
	write := req.Method != http.MethodGet && req.Method != http.MethodHead && !strings.HasSuffix(req.URL.Path, "/access_tokens")
	if err := t.l.begin(req.Context(), write); err != nil {
		return nil, err
	}
	if write {
		defer t.l.end()
	}
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	if err := t.l.judge(resp); err != nil {
		_ = resp.Body.Close()
		return nil, err
	}
	if write && resp.StatusCode == http.StatusCreated {
		t.l.created()
	}
	return resp, nil
}

// limiter is the state of one installation's limits. GitHub asks that writes
// follow one another.
type limiter struct {
	now                func() time.Time
	sleep              func(context.Context, time.Duration) error
	perMinute, perHour int // 0 means no bound
	writing            chan struct{}

	mu      sync.Mutex
	until   time.Time
	why     string
	strikes int
	content []time.Time // of the last hour, oldest first
}

func newLimiter(now func() time.Time, sleep func(context.Context, time.Duration) error, perMinute, perHour int) *limiter {
	return &limiter{now: now, sleep: sleep, perMinute: perMinute, perHour: perHour, writing: make(chan struct{}, 1)}
}

// begin waits for the turn of a write, and briefly for the end of a limit.
func (l *limiter) begin(ctx context.Context, write bool) error {
	if write {
		select {
		case l.writing <- struct{}{}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	err := l.wait(ctx, write)
	if err != nil && write {
		l.end()
	}
	return err
}

func (l *limiter) end() { <-l.writing }

func (l *limiter) wait(ctx context.Context, write bool) error {
	for {
		wait, why := l.blocked(write)
		if wait <= 0 {
			return nil
		}
		if wait > patience {
			return &pipeline.TransientError{RetryAfter: wait, Err: &limitError{why: why, wait: wait}}
		}
		if err := l.sleep(ctx, wait); err != nil {
			return err
		}
	}
}

func (l *limiter) blocked(write bool) (time.Duration, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	wait, why := l.until.Sub(now), l.why
	if !write {
		return wait, why
	}
	l.expire(now)
	for _, bound := range [...]struct {
		n      int
		window time.Duration
	}{{l.perMinute, time.Minute}, {l.perHour, time.Hour}} {
		if bound.n == 0 || len(l.content) < bound.n {
			continue
		}
		if w := l.content[len(l.content)-bound.n].Add(bound.window).Sub(now); w > wait {
			wait, why = w, fmt.Sprintf("%d requests created content within %s, which is all that GitHub allows", bound.n, bound.window)
		}
	}
	return wait, why
}

func (l *limiter) created() {
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	l.expire(now)
	l.content = append(l.content, now)
}

func (l *limiter) contentLastHour() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.expire(l.now())
	return len(l.content)
}

func (l *limiter) expire(now time.Time) {
	old := 0
	for old < len(l.content) && now.Sub(l.content[old]) >= time.Hour {
		old++
	}
	l.content = l.content[old:]
}

// judge learns from an answer and returns an error when it is a limit's.
func (l *limiter) judge(resp *http.Response) error {
	refused := isLimit(resp)
	remaining := resp.Header.Get("X-RateLimit-Remaining")
	l.mu.Lock()
	defer l.mu.Unlock()
	now := l.now()
	if !refused {
		l.strikes = 0
		if remaining == "0" {
			if reset, ok := resetTime(resp); ok {
				l.block(reset, "the hourly rate limit is used up")
			}
		}
		return nil
	}
	var wait time.Duration
	why := "GitHub's secondary rate limit"
	after, hasAfter := retryAfter(resp, now)
	reset, hasReset := resetTime(resp)
	switch {
	case hasAfter:
		wait = after
	case remaining == "0" && hasReset:
		wait, why = reset.Sub(now), "the hourly rate limit is used up"
	default:
		wait = min(firstSecondary<<min(l.strikes, 4), lastSecondary)
		l.strikes++
	}
	wait = max(wait, time.Second)
	l.block(now.Add(wait), why)
	return &pipeline.TransientError{RetryAfter: wait, Err: &limitError{why: why, wait: wait}}
}

func (l *limiter) block(until time.Time, why string) {
	if until.After(l.until) {
		l.until, l.why = until, why
	}
}

// isLimit recognises a limit among the refusals. A 403 without the headers is
// told from a missing permission by its text only.
func isLimit(resp *http.Response) bool {
	switch resp.StatusCode {
	case http.StatusTooManyRequests:
		return true
	case http.StatusForbidden:
	default:
		return false
	}
	if resp.Header.Get("Retry-After") != "" || resp.Header.Get("X-RateLimit-Remaining") == "0" {
		return true
	}
	text := strings.ToLower(string(peek(resp)))
	return strings.Contains(text, "rate limit") || strings.Contains(text, "abuse detection")
}

// retryAfter reads the header, which GitHub sends in seconds and proxies may
// send as a date.
func retryAfter(resp *http.Response, now time.Time) (time.Duration, bool) {
	h := resp.Header.Get("Retry-After")
	if s, err := strconv.Atoi(strings.TrimSpace(h)); err == nil && s >= 0 {
		return time.Duration(s) * time.Second, true
	}
	if at, err := http.ParseTime(h); err == nil {
		return at.Sub(now), true
	}
	return 0, false
}

func resetTime(resp *http.Response) (time.Time, bool) {
	s, err := strconv.ParseInt(resp.Header.Get("X-RateLimit-Reset"), 10, 64)
	if err != nil || s <= 0 {
		return time.Time{}, false
	}
	return time.Unix(s, 0), true
}
