package e2e_test

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strings"
	"sync"
	"syscall"
	"time"
)

// journal collects what servers write, over all their lives.
type journal struct {
	mu sync.Mutex
	b  strings.Builder
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.b.WriteString(line + "\n")
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.b.String()
}

// process is one life of `kargo serve`.
type process struct {
	cmd *exec.Cmd
	// addr is where it listens.
	addr string
	// ended is closed when the process is gone; err is then how it ended.
	ended chan struct{}
	err   error
}

// launch starts `kargo serve` with an environment and returns once it listens.
func launch(env []string, log *journal) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(self, "serve")
	cmd.Env = append([]string{asKargo + "=1", "KARGO_LOG_FORMAT=json", "PATH=" + os.Getenv("PATH"), "HOME=/nonexistent"}, env...)
	out, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p := &process{cmd: cmd, ended: make(chan struct{})}
	up := make(chan string, 1)
	go func() {
		p.follow(out, log, up)
		p.err = cmd.Wait()
		close(p.ended)
	}()
	select {
	case p.addr = <-up:
		return p, nil
	case <-p.ended:
		return nil, fmt.Errorf("the server did not start: %w\n%s", p.err, log)
	case <-time.After(patience):
		p.kill()
		return nil, fmt.Errorf("the server does not listen after %s\n%s", patience, log)
	}
}

// follow copies the log and reports the address once.
func (p *process) follow(r io.Reader, log *journal, up chan<- string) {
	in := bufio.NewReader(r)
	for {
		line, err := in.ReadString('\n')
		if line = strings.TrimSpace(line); line != "" {
			log.add(line)
			var entry struct{ Msg, Addr string }
			if json.Unmarshal([]byte(line), &entry) == nil && entry.Msg == "kargo is up" {
				up <- entry.Addr
			}
		}
		if err != nil {
			return
		}
	}
}

// kill ends the process as a power cut would.
func (p *process) kill() {
	_ = p.cmd.Process.Kill()
	<-p.ended
}

// terminate asks the process to end and returns how long that took.
func (p *process) terminate() (time.Duration, error) {
	start := time.Now()
	if err := p.cmd.Process.Signal(syscall.SIGTERM); err != nil {
		return 0, err
	}
	select {
	case <-p.ended:
	case <-time.After(patience):
		p.kill()
		return time.Since(start), errors.New("SIGTERM did not end the server")
	}
	return time.Since(start), p.err
}
