// Package browser drives a headless Chromium for tests, by the DevTools protocol
// over a pipe: it opens a page, moves the mouse, presses keys, runs expressions and
// takes screenshots.
package browser

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync"
	"time"
)

// ErrNotFound says that no Chromium is installed.
var ErrNotFound = errors.New("no Chromium is installed")

// Find returns the path of an installed Chromium, or ErrNotFound.
func Find() (string, error) {
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, nil
		}
	}
	return "", ErrNotFound
}

// Page is a tab of a browser of its own.
type Page struct {
	command *exec.Cmd
	to      *os.File
	session string

	mutex   sync.Mutex
	next    int
	waiting map[int]chan reply
	errors  []string // uncaught errors of the page's script
	loaded  chan struct{}
	once    sync.Once
	ended   chan struct{}
}

type reply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Open starts the browser with a folder for its files and opens an address in a
// window of the given size. Close ends it.
func Open(ctx context.Context, browser, folder, address string, width, height int) (*Page, error) {
	fromTest, to, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	from, toTest, err := os.Pipe()
	if err != nil {
		return nil, errors.Join(err, fromTest.Close(), to.Close())
	}
	command := exec.CommandContext(ctx, browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
		"--disable-background-networking", "--disable-component-update", "--disable-sync", "--hide-scrollbars",
		"--force-device-scale-factor=1", fmt.Sprintf("--window-size=%d,%d", width, height),
		"--user-data-dir="+folder, "--remote-debugging-pipe", "about:blank")
	command.ExtraFiles = []*os.File{fromTest, toTest} // descriptors 3 and 4
	command.WaitDelay = 10 * time.Second
	err = command.Start()
	// The browser has its own copies of its ends.
	if closing := errors.Join(fromTest.Close(), toTest.Close()); err == nil {
		err = closing
	}
	if err != nil {
		return nil, errors.Join(err, to.Close(), from.Close())
	}
	p := &Page{command: command, to: to, waiting: map[int]chan reply{}, loaded: make(chan struct{}), ended: make(chan struct{})}
	go p.listen(from)
	if err := p.start(ctx, address, width, height); err != nil {
		return nil, errors.Join(err, p.Close())
	}
	return p, nil
}

func (p *Page) start(ctx context.Context, address string, width, height int) error {
	var target struct{ TargetID string }
	if err := p.call(ctx, "Target.createTarget", map[string]any{"url": "about:blank"}, &target); err != nil {
		return err
	}
	var attached struct{ SessionID string }
	if err := p.call(ctx, "Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached); err != nil {
		return err
	}
	p.session = attached.SessionID
	for _, domain := range []string{"Page.enable", "Runtime.enable"} {
		if err := p.call(ctx, domain, nil, nil); err != nil {
			return err
		}
	}
	if err := p.call(ctx, "Emulation.setDeviceMetricsOverride", map[string]any{"width": width, "height": height, "deviceScaleFactor": 1,
		"mobile": false}, nil); err != nil {
		return err
	}
	if err := p.call(ctx, "Page.navigate", map[string]any{"url": address}, nil); err != nil {
		return err
	}
	select {
	case <-p.loaded:
		return nil
	case <-p.ended:
		return errors.New("the browser ended")
	case <-ctx.Done():
		return fmt.Errorf("the page does not load: %w", ctx.Err())
	}
}

// listen reads replies and events, which end with a zero byte each.
func (p *Page) listen(from *os.File) {
	defer close(p.ended)
	defer func() { _ = from.Close() }() // read to its end
	r := bufio.NewReaderSize(from, 1<<16)
	for {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var message struct {
			ID     int
			Method string
			Params struct {
				ExceptionDetails struct {
					Text      string
					Exception struct{ Description string }
				}
			}
			reply
		}
		if json.Unmarshal(text[:len(text)-1], &message) != nil {
			continue // an event that is not looked at
		}
		p.mutex.Lock()
		switch {
		case message.ID != 0:
			if c := p.waiting[message.ID]; c != nil {
				delete(p.waiting, message.ID)
				c <- message.reply
			}
		case message.Method == "Page.loadEventFired":
			p.once.Do(func() { close(p.loaded) })
		case message.Method == "Runtime.exceptionThrown":
			d := message.Params.ExceptionDetails
			p.errors = append(p.errors, d.Text+" "+d.Exception.Description)
		}
		p.mutex.Unlock()
	}
}

// call sends a command and waits for its result.
func (p *Page) call(ctx context.Context, method string, parameters map[string]any, result any) error {
	c := make(chan reply, 1)
	p.mutex.Lock()
	p.next++
	id := p.next
	p.waiting[id] = c
	p.mutex.Unlock()
	message := map[string]any{"id": id, "method": method}
	if parameters != nil {
		message["params"] = parameters
	}
	if p.session != "" {
		message["sessionId"] = p.session
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	if _, err := p.to.Write(append(text, 0)); err != nil {
		return err
	}
	select {
	case r := <-c:
		if r.Error != nil {
			return fmt.Errorf("%s: %s", method, r.Error.Message)
		}
		if result == nil {
			return nil
		}
		return json.Unmarshal(r.Result, result)
	case <-p.ended:
		return fmt.Errorf("%s: the browser ended", method)
	case <-ctx.Done():
		return fmt.Errorf("%s: %w", method, ctx.Err())
	}
}

// Close ends the browser.
func (p *Page) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	p.session = ""
	_ = p.call(ctx, "Browser.close", nil, nil) // one that does not listen is killed
	select {
	case <-p.ended:
	case <-ctx.Done():
		_ = p.command.Process.Kill() // Wait tells
	}
	err := p.to.Close()
	_ = p.command.Wait() // the exit status of a browser that was told to end says nothing
	return err
}

// Errors returns the uncaught errors of the page's script so far.
func (p *Page) Errors() []string {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	return append([]string(nil), p.errors...)
}

// Evaluate runs an expression in the page, waits for it where it is a promise, and
// stores its value, as JSON has it, in what result points to.
func (p *Page) Evaluate(ctx context.Context, expression string, result any) error {
	var r struct {
		Result           struct{ Value json.RawMessage }
		ExceptionDetails *struct{ Exception struct{ Description string } }
	}
	err := p.call(ctx, "Runtime.evaluate", map[string]any{"expression": expression, "awaitPromise": true, "returnByValue": true}, &r)
	if err != nil {
		return err
	}
	if r.ExceptionDetails != nil {
		return fmt.Errorf("%s: %s", expression, r.ExceptionDetails.Exception.Description)
	}
	if result == nil || r.Result.Value == nil {
		return nil
	}
	return json.Unmarshal(r.Result.Value, result)
}

// Modifiers of keys and clicks.
const (
	Control = 2
	Shift   = 8
)

// Mouse sends a mouse event, "mouseMoved", "mousePressed" or "mouseReleased", of the
// left button.
func (p *Page) Mouse(ctx context.Context, event string, x, y float64, modifiers int) error {
	parameters := map[string]any{"type": event, "x": x, "y": y, "modifiers": modifiers}
	if event != "mouseMoved" {
		parameters["button"], parameters["clickCount"] = "left", 1
	}
	return p.call(ctx, "Input.dispatchMouseEvent", parameters, nil)
}

// Click moves the mouse to a point and clicks.
func (p *Page) Click(ctx context.Context, x, y float64, modifiers int) error {
	for _, event := range []string{"mouseMoved", "mousePressed", "mouseReleased"} {
		if err := p.Mouse(ctx, event, x, y, modifiers); err != nil {
			return err
		}
	}
	return nil
}

// Drag presses the button at a point, moves in steps and releases it.
func (p *Page) Drag(ctx context.Context, x, y, dx, dy float64, steps int) error {
	if err := p.Mouse(ctx, "mouseMoved", x, y, 0); err != nil {
		return err
	}
	if err := p.Mouse(ctx, "mousePressed", x, y, 0); err != nil {
		return err
	}
	for i := 1; i <= steps; i++ {
		part := float64(i) / float64(steps)
		if err := p.call(ctx, "Input.dispatchMouseEvent", map[string]any{"type": "mouseMoved", "x": x + dx*part, "y": y + dy*part,
			"button": "left", "buttons": 1}, nil); err != nil {
			return err
		}
	}
	return p.Mouse(ctx, "mouseReleased", x+dx, y+dy, 0)
}

// Wheel turns the wheel at a point; negative amounts turn it away from the user.
func (p *Page) Wheel(ctx context.Context, x, y, amount float64) error {
	return p.call(ctx, "Input.dispatchMouseEvent", map[string]any{"type": "mouseWheel", "x": x, "y": y, "deltaX": 0, "deltaY": amount}, nil)
}

// Key presses and releases a key: a character, or a name such as "Enter" or "ArrowLeft".
func (p *Page) Key(ctx context.Context, key string, modifiers int) error {
	codes := map[string]int{"Enter": 13, "Escape": 27, "Tab": 9, " ": 32, "ArrowLeft": 37, "ArrowUp": 38, "ArrowRight": 39, "ArrowDown": 40,
		"Home": 36, "End": 35}
	parameters := map[string]any{"type": "keyDown", "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": codes[key]}
	switch {
	case len(key) == 1:
		parameters["text"] = key
	case key == "Enter":
		parameters["text"] = "\r"
	}
	if err := p.call(ctx, "Input.dispatchKeyEvent", parameters, nil); err != nil {
		return err
	}
	return p.call(ctx, "Input.dispatchKeyEvent", map[string]any{"type": "keyUp", "key": key, "modifiers": modifiers, "windowsVirtualKeyCode": codes[key]}, nil)
}

// Type presses the keys of a text.
func (p *Page) Type(ctx context.Context, text string) error {
	for _, key := range strings.Split(text, "") {
		if err := p.Key(ctx, key, 0); err != nil {
			return err
		}
	}
	return nil
}

// Prefer sets what the page learns of the reader's wish for "dark" or "light".
func (p *Page) Prefer(ctx context.Context, scheme string) error {
	return p.call(ctx, "Emulation.setEmulatedMedia", map[string]any{"features": []map[string]string{{"name": "prefers-color-scheme", "value": scheme}}}, nil)
}

// Screenshot returns what the window shows, as PNG.
func (p *Page) Screenshot(ctx context.Context) ([]byte, error) {
	var r struct{ Data []byte } // base64 in JSON
	err := p.call(ctx, "Page.captureScreenshot", map[string]any{"format": "png"}, &r)
	return r.Data, err
}
