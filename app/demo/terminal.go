package demo

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/kargo-app/kargo/pipeline"
)

// terminal prints the timeline: one line for every fact, and, where a person is
// watching, a last line with what is going on now, which is overwritten.
type terminal struct {
	out io.Writer
	// watched is whether out is a terminal, where lines can be overwritten; color
	// whether it may be coloured.
	watched, color bool

	mu     sync.Mutex
	status string
}

// Colours of the shapes; they repeat what the shape says.
var colors = map[string]string{
	markDone: "\x1b[32m", markBad: "\x1b[31m", "!": "\x1b[31m", markWait: "\x1b[33m", "‖": "\x1b[33m", markRun: "\x1b[36m", markNew: "\x1b[36m",
}

// Widths of the columns of a timeline line.
const (
	subjectWidth = 10
	changeWidth  = 17
	statusWidth  = 78
)

// facts prints new facts and the state they lead to.
func (t *terminal) facts(m moment, facts []fact) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	for _, f := range facts {
		mark := f.Mark
		if c := colors[mark]; c != "" && t.color {
			mark = c + mark + "\x1b[0m"
		}
		t.write(f.At.Local().Format(time.TimeOnly) + "  " + mark + " " + pad(plain(f.Subject), subjectWidth) + " " +
			pad(plain(f.Change), changeWidth) + "  " + plain(f.Text) + "\n")
	}
	t.status = progress(m)
	t.draw()
}

// line prints a line that is no fact.
func (t *terminal) line(format string, args ...any) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.write(fmt.Sprintf(format, args...) + "\n")
	t.draw()
}

// finish removes the last line for good.
func (t *terminal) finish() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.clear()
	t.status = ""
}

func (t *terminal) clear() {
	if t.watched && t.status != "" {
		t.write("\r\x1b[2K")
	}
}

func (t *terminal) draw() {
	if t.watched && t.status != "" {
		t.write(t.status)
	}
}

func (t *terminal) write(s string) {
	_, _ = io.WriteString(t.out, s) // nobody reads any more
}

// progress says in one line what is going on: the Promotions under way and how
// far they are.
func progress(m moment) string {
	var parts []string
	for _, p := range m.Snapshot.Promotions {
		if p.Phase != pipeline.Running {
			continue
		}
		done := p.Next()
		if done < 0 {
			done = len(p.Steps)
		}
		part := fmt.Sprintf("%s %d/%d", p.ID, done, len(p.Steps))
		if done < len(p.Steps) {
			part += " " + p.Stage.Steps[done].Uses
		}
		if w := p.WaitingOn(); w != "" {
			part += " (" + w + ")"
		}
		parts = append(parts, part)
	}
	text := markWait + " " + coach(m).Text
	if len(parts) > 0 {
		text = markRun + " " + strings.Join(parts, " · ")
	}
	text = plain(text)
	if utf8.RuneCountInString(text) > statusWidth {
		text = string([]rune(text)[:statusWidth-1]) + "…"
	}
	return text
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// plain keeps what people wrote from controlling the terminal.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r != utf8.RuneError && unicode.IsPrint(r) {
			return r
		}
		return '?'
	}, s)
}
