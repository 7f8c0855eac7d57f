package command

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// watchEvery is the time between two looks at the files.
const watchEvery = 200 * time.Millisecond

// watch draws whenever the source's files change, until the context ends. Mistakes in
// the source are reported and waited out.
func (d *draw) watch(ctx context.Context, f *format, argument string) error {
	if d.toStdout() {
		return usage("--watch needs a file to write: give -o FILE")
	}
	watched := argument
	if d.pkg != "" {
		watched = d.pkg
	}
	last, err := stamp(watched)
	if err != nil {
		return usage("--watch needs a file to look at: %s is none", watched)
	}
	for {
		if err := d.once(ctx, f, argument); ctx.Err() != nil {
			return nil
		} else if err != nil {
			fmt.Fprintf(d.streams.Err, "cgviz: %s\n", message(err))
		} else {
			fmt.Fprintf(d.streams.Err, "cgviz: %s is up to date\n", d.file)
		}
		for {
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(watchEvery):
			}
			// Editors replace files: for a moment there may be none.
			if now, err := stamp(watched); err == nil && now != last {
				last = now
				break
			}
		}
	}
}

// stamp returns text that changes with a file's content, or with the Go files below a folder.
func stamp(name string) (string, error) {
	info, err := os.Stat(name)
	if err != nil {
		return "", err
	}
	of := func(name string, info fs.FileInfo) string {
		return fmt.Sprintf("%s %d %d\n", name, info.Size(), info.ModTime().UnixNano())
	}
	if !info.IsDir() {
		return of(name, info), nil
	}
	var b strings.Builder
	err = filepath.WalkDir(name, func(path string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() || filepath.Ext(path) != ".go" {
			return ignoreMissing(err)
		}
		info, err := e.Info()
		if err == nil {
			b.WriteString(of(path, info))
		}
		return ignoreMissing(err)
	})
	return b.String(), err
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}
