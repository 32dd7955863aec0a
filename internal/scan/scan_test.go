package scan

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"twaudit/internal/audit"
	"twaudit/remote"
)

// answering is a host that answers the command with what reply makes of the
// nonce.
func answering(reply func(nonce string) (*remote.Output, error)) func(context.Context, remote.Target, remote.Command) (*remote.Output, error) {
	return func(ctx context.Context, _ remote.Target, c remote.Command) (*remote.Output, error) {
		release, err := c.Admit(ctx)
		if err != nil {
			return nil, &remote.Error{Stage: remote.StageConnect, Message: "stopped", Err: err}
		}
		defer release()
		words := strings.Fields(c.Line)
		return reply(words[3]) // sh -s -- NONCE
	}
}

// minimal is the shortest complete answer of a Linux host.
func minimal(nonce string) string {
	return mark(nonce, "begin 1") + mark(nonce, "section identity") +
		"ostype Linux\nkernel 6.1.0\nhostname web1\n" + mark(nonce, "end")
}

func mark(nonce, what string) string { return "twaudit-probe " + nonce + " " + what + "\n" }

func free(context.Context) (func(), error) { return func() {}, nil }

func TestHost_complete_answer_is_judged(t *testing.T) {
	t.Parallel()
	asked := ""
	a := &Auditor{
		Limits: audit.DefaultLimits(),
		Remote: answering(func(nonce string) (*remote.Output, error) {
			return &remote.Output{Stdout: []byte("Welcome!\n" + minimal(nonce)), Connect: 5 * time.Millisecond, Command: time.Second, Bytes: 42}, nil
		}),
		Past: func(name string) *audit.Past { asked = name; return nil },
	}
	got := a.Host(t.Context(), Job{Name: "web1", Groups: []string{"b", "a"}}, free)
	if got.Status != audit.StatusAudited || got.Facts == nil || got.Facts.Host.Kernel != "6.1.0" {
		t.Fatalf("status %s, failure %+v, facts %+v", got.Status, got.Failure, got.Facts)
	}
	// Nothing was read that could show health: never ok.
	if got.Verdict != audit.VerdictUnknown {
		t.Errorf("verdict %q, want unknown", got.Verdict)
	}
	if asked != "web1" {
		t.Errorf("past was asked for %q", asked)
	}
	if strings.Join(got.Groups, ",") != "a,b" || got.Labels == nil || got.Flags == nil || got.Findings == nil || got.Gaps == nil {
		t.Errorf("lists of the result: %+v", got)
	}
	if got.Timing.ConnectMS != 5 || got.Timing.ProbeMS != 1000 || got.Timing.Bytes != 42 {
		t.Errorf("timing %+v", got.Timing)
	}
}

func TestHost_complete_answer_counts_although_the_connection_broke(t *testing.T) {
	t.Parallel()
	a := &Auditor{Limits: audit.DefaultLimits(), Remote: answering(func(nonce string) (*remote.Output, error) {
		return &remote.Output{Stdout: []byte(minimal(nonce)), ExitStatus: -1},
			&remote.Error{Stage: remote.StageSession, Message: "the connection broke"}
	})}
	if got := a.Host(t.Context(), Job{Name: "web1"}, free); got.Status != audit.StatusAudited {
		t.Errorf("status %s, failure %+v", got.Status, got.Failure)
	}
}

func TestHost_replayed_answer_with_an_old_nonce_is_no_answer(t *testing.T) {
	t.Parallel()
	a := &Auditor{Limits: audit.DefaultLimits(), Remote: answering(func(string) (*remote.Output, error) {
		return &remote.Output{Stdout: []byte(minimal(strings.Repeat("ab", 16)))}, nil
	})}
	got := a.Host(t.Context(), Job{Name: "web1"}, free)
	if got.Status != audit.StatusFailed || got.Failure.Stage != audit.StageProbe {
		t.Errorf("status %s, failure %+v", got.Status, got.Failure)
	}
}

func TestHost_each_remote_stage_has_its_audit_stage(t *testing.T) {
	t.Parallel()
	for _, stage := range []remote.Stage{
		remote.StageConfig, remote.StageResolve, remote.StageConnect, remote.StageHandshake, remote.StageHostKey,
		remote.StageAuth, remote.StageJump, remote.StageSession, remote.StageTimeout,
	} {
		a := &Auditor{Remote: answering(func(string) (*remote.Output, error) {
			return nil, fmt.Errorf("wrapped: %w", &remote.Error{Stage: stage, Via: "bastion", Message: "why \x1b[31m", Hint: "do"})
		})}
		got := a.Host(t.Context(), Job{Name: "web1"}, free).Failure
		want := audit.Failure{Stage: audit.Stage(stage), Via: "bastion", Message: "why \ufffd[31m", Hint: "do"}
		if got == nil || *got != want {
			t.Errorf("%s: got %+v, want %+v", stage, got, want)
		}
	}
}

// The same broken conversation, and who ended it.
func TestHost_end_of_the_context_names_who_ended_it(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		timeout time.Duration
		cause   error // by which the caller ends; nil: it does not
		want    audit.Stage
	}{
		"host timeout": {time.Millisecond, nil, audit.StageTimeout},
		"deadline":     {time.Hour, ErrDeadline, audit.StageDeadline},
		"interrupted":  {time.Hour, ErrInterrupted, audit.StageInterrupted},
		"other cause":  {time.Hour, errors.New("other"), audit.StageInterrupted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ctx, cancel := context.WithCancelCause(t.Context())
			defer cancel(nil)
			a := &Auditor{Timeout: test.timeout, Remote: func(ctx context.Context, _ remote.Target, c remote.Command) (*remote.Output, error) {
				release, err := c.Admit(ctx)
				if err != nil {
					return nil, err
				}
				defer release()
				if test.cause != nil {
					cancel(test.cause)
				}
				<-ctx.Done()
				return &remote.Output{Stdout: []byte("Welcome"), ExitStatus: -1},
					&remote.Error{Stage: remote.StageSession, Message: "stopped during the command", Err: ctx.Err()}
			}}
			got := a.Host(ctx, Job{Name: "web1"}, free).Failure
			if got == nil || got.Stage != test.want || !strings.Contains(got.Message, "after 7 B of its answer") {
				t.Errorf("got %+v, want stage %s", got, test.want)
			}
		})
	}
}

func TestHost_a_refusal_just_before_the_end_stays_a_refusal(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancelCause(t.Context())
	a := &Auditor{Remote: func(context.Context, remote.Target, remote.Command) (*remote.Output, error) {
		cancel(ErrDeadline)
		return nil, &remote.Error{Stage: remote.StageAuth, Message: "no key was accepted"}
	}}
	if got := a.Host(ctx, Job{Name: "web1"}, free).Failure; got == nil || got.Stage != audit.StageAuth {
		t.Errorf("got %+v", got)
	}
}

func TestHost_waiting_for_a_slot_costs_no_host_time(t *testing.T) {
	t.Parallel()
	const wait = 60 * time.Millisecond
	a := &Auditor{Timeout: wait / 2, Limits: audit.DefaultLimits(), Remote: answering(func(nonce string) (*remote.Output, error) {
		return &remote.Output{Stdout: []byte(minimal(nonce))}, nil
	})}
	got := a.Host(t.Context(), Job{Name: "web1"}, func(ctx context.Context) (func(), error) {
		timer := time.NewTimer(wait) // the queue is what this test is about
		defer timer.Stop()
		select {
		case <-timer.C:
			return func() {}, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	})
	if got.Status != audit.StatusAudited {
		t.Fatalf("failure %+v", got.Failure)
	}
	if got.Timing.TotalMS >= float64(wait.Milliseconds()) {
		t.Errorf("total %v ms holds the wait of %v", got.Timing.TotalMS, wait)
	}
}

func TestHost_local_needs_a_slot_and_no_dialer(t *testing.T) {
	t.Parallel()
	taken, released := 0, 0
	a := &Auditor{Limits: audit.DefaultLimits(), Here: func(_ context.Context, c remote.Command) (*remote.Output, error) {
		if taken != 1 || released != 0 {
			t.Errorf("ran with %d slots taken and %d released", taken, released)
		}
		return &remote.Output{Stdout: []byte(minimal(strings.Fields(c.Line)[3]))}, nil
	}}
	got := a.Host(t.Context(), Job{Name: "here", Local: true}, func(context.Context) (func(), error) {
		taken++
		return func() { released++ }, nil
	})
	if got.Status != audit.StatusAudited || released != 1 {
		t.Errorf("status %s, failure %+v, released %d", got.Status, got.Failure, released)
	}
}

func TestHost_each_run_has_its_own_nonce_and_the_exact_script(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	a := &Auditor{Limits: audit.DefaultLimits(), Remote: answering(func(nonce string) (*remote.Output, error) {
		if len(nonce) != 32 || seen[nonce] {
			t.Errorf("nonce %q", nonce)
		}
		seen[nonce] = true
		return &remote.Output{}, nil
	})}
	for range 3 {
		a.Host(t.Context(), Job{Name: "web1"}, free)
	}
}
