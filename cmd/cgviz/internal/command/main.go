// Package command is cgviz's command line.
package command

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/atomicfile"
	"github.com/adjoint-go/adjoint/cmd/cgviz/internal/source"
)

// Streams is what a command reads and writes.
type Streams struct {
	In       io.Reader
	Out, Err io.Writer
	// OutTerminal and ErrTerminal tell whether a person reads the stream.
	OutTerminal, ErrTerminal bool
}

// System returns the streams of the process.
func System() Streams {
	return Streams{In: os.Stdin, Out: os.Stdout, Err: os.Stderr,
		OutTerminal: term.IsTerminal(int(os.Stdout.Fd())), ErrTerminal: term.IsTerminal(int(os.Stderr.Fd()))}
}

// read reads what an argument gives, and says what else it may have meant.
func (s *Streams) read(argument string) (*source.Source, error) { return s.readDims(argument, nil) }

// readDims is read with extents that a model leaves open, each as NAME=N.
func (s *Streams) readDims(argument string, list []string) (*source.Source, error) {
	dims := map[string]int{}
	for _, text := range list {
		name, value, _ := strings.Cut(text, "=")
		n, err := strconv.Atoi(value)
		if err != nil || n < 1 || name == "" {
			return nil, usage("--dim %s: write NAME=N, with N from 1 on", text)
		}
		dims[name] = n
	}
	if strings.HasSuffix(argument, model) && source.IsFile(argument) {
		return readModel(argument, dims)
	}
	if strings.HasSuffix(argument, module) && source.IsFile(argument) {
		return readModule(argument)
	}
	src, err := source.Read(argument, s.In)
	if err == nil && src.Hint != "" {
		fmt.Fprintf(s.Err, "hint: %s\n", src.Hint)
	}
	return src, err
}

// The exit statuses.
const (
	exitSuccess     = 0
	exitFailure     = 1 // bad input, or a render that failed; diff --exit-code: the graphs differ
	exitUsage       = 2 // the command line itself is wrong
	exitInterrupted = 130
)

// usageError is a mistake on the command line.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usage(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }

// errDifferent is the outcome of diff --exit-code: no message belongs to it.
var errDifferent = errors.New("the graphs differ")

// Main runs cgviz with the arguments and returns the exit status.
func Main(args []string, s Streams) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	status := execute(ctx, args, s)
	if status == exitInterrupted {
		atomicfile.Abandon() // what has not ended by itself
	}
	return status
}

// grace is the time that work has to end by itself after an interruption. Long parts of it (laying out, painting) do not look.
const grace = time.Second

// execute runs cgviz until the context ends.
func execute(ctx context.Context, args []string, s Streams) int {
	root := New(s)
	root.SetArgs(args)
	var ran *cobra.Command
	var err error
	done := make(chan struct{})
	go func() {
		ran, err = root.ExecuteContextC(ctx)
		close(done)
	}()
	select {
	case <-done:
	case <-ctx.Done():
		select {
		case <-done:
		case <-time.After(grace):
			return interrupted(s)
		}
	}
	var wrong *usageError
	switch {
	case err == nil:
		return exitSuccess
	case errors.Is(err, errDifferent):
		return exitFailure
	case errors.Is(err, context.Canceled) && ctx.Err() != nil:
		return interrupted(s)
	case errors.As(err, &wrong):
		fmt.Fprintf(s.Err, "cgviz: %s\n", message(err))
		fmt.Fprintf(s.Err, "usage: %s\n%q describes the flags.\n", ran.UseLine(), ran.CommandPath()+" --help")
		return exitUsage
	}
	fmt.Fprintf(s.Err, "cgviz: %s\n", message(err))
	return exitFailure
}

func interrupted(s Streams) int {
	if s.ErrTerminal {
		fmt.Fprint(s.Err, clearLine)
	}
	fmt.Fprintln(s.Err, "cgviz: interrupted")
	return exitInterrupted
}

// message returns what people read of an error.
func message(err error) string {
	var with interface{ Report() string }
	if errors.As(err, &with) {
		return with.Report()
	}
	var path *fs.PathError
	if errors.As(err, &path) && errors.Unwrap(err) == path.Err {
		// "open x: no such file" says what we did; the user asked for something else.
		return fmt.Sprintf("%s: %v", path.Path, path.Err)
	}
	return err.Error()
}

// flagError turns a mistake in the flags into a usage error with a hint.
func flagError(_ *cobra.Command, err error) error {
	if strings.HasPrefix(err.Error(), "unknown shorthand flag") {
		return usage("%w\n  hint: an expression that begins with a minus stands after --, as in: cgviz -- '-x^2'", err)
	}
	return &usageError{err}
}
