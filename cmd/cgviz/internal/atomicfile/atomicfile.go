// Package atomicfile writes files as a whole or not at all.
package atomicfile

import (
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
)

// Write replaces the named file's content: the data goes to a new file beside it
// that takes its name at the end, so that readers see the old or the new content
// and a failure leaves nothing behind. A link is followed, and an existing
// file keeps its permissions. What is not a regular file (a device, a pipe) is
// written to directly.
func Write(name string, data []byte) error {
	if target, err := filepath.EvalSymlinks(name); err == nil {
		name = target
	}
	mode := fs.FileMode(0o666)
	info, err := os.Stat(name)
	switch {
	case err == nil && info.IsDir():
		return &fs.PathError{Op: "write", Path: name, Err: errors.New("is a directory")}
	case err == nil && !info.Mode().IsRegular():
		return writeDirectly(name, data)
	case err == nil:
		mode = info.Mode().Perm()
		// A file that may not be written is not to be replaced either.
		f, err := os.OpenFile(name, os.O_WRONLY, 0)
		if err != nil {
			return err
		}
		f.Close()
	}
	f, err := begin(name)
	if err != nil {
		return err
	}
	defer end(f.Name())
	_, err = f.Write(data)
	if err == nil && info != nil {
		err = f.Chmod(mode)
	}
	err = errors.Join(err, f.Close())
	if err == nil {
		err = os.Rename(f.Name(), name)
	}
	if err != nil {
		os.Remove(f.Name())
		return fmt.Errorf("write %s: %w", name, err)
	}
	return nil
}

// The files that are being written now.
var (
	mutex   sync.Mutex
	pending = map[string]bool{}
)

// Abandon removes what writes under way have begun, and makes them and later ones fail: for a process about to end.
func Abandon() {
	mutex.Lock()
	defer mutex.Unlock()
	for name := range pending {
		os.Remove(name)
	}
	pending = nil
}

// begin makes a new file beside name that Abandon removes until its end.
func begin(name string) (*os.File, error) {
	mutex.Lock()
	defer mutex.Unlock()
	if pending == nil {
		return nil, &fs.PathError{Op: "create", Path: name, Err: errors.New("the process is about to end")}
	}
	f, err := create(name)
	if err == nil {
		pending[f.Name()] = true
	}
	return f, err
}

func end(name string) {
	mutex.Lock()
	defer mutex.Unlock()
	delete(pending, name)
}

// create makes a new file beside name, with the permissions that the user's mask leaves.
func create(name string) (*os.File, error) {
	for range 100 {
		random := make([]byte, 6)
		rand.Read(random)
		temporary := filepath.Join(filepath.Dir(name), "."+filepath.Base(name)+"."+hex.EncodeToString(random)+".tmp")
		f, err := os.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o666)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		var path *fs.PathError
		if errors.As(err, &path) {
			// The user asked for this file and not for the temporary one.
			path.Op, path.Path = "create", name
		}
		return f, err
	}
	return nil, &fs.PathError{Op: "create", Path: name, Err: fs.ErrExist}
}

func writeDirectly(name string, data []byte) error {
	f, err := os.OpenFile(name, os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
