package draw

import "github.com/adjoint-go/adjoint/viz/internal/scene"

// RGB is an opaque colour, 8 bits per channel.
type RGB [3]uint8

// Theme gives every role a colour.
type Theme [scene.RoleCount]RGB

func rgb(v uint32) RGB { return RGB{uint8(v >> 16), uint8(v >> 8), uint8(v)} }

// Light is the theme on white paper. All text reaches a contrast of 4.5 to 1
// on what it stands on.
var Light = Theme{
	scene.Background:     rgb(0xFFFFFF),
	scene.Ink:            rgb(0x1E2A33),
	scene.Muted:          rgb(0x5B6770),
	scene.Line:           rgb(0x66737D),
	scene.Paper:          rgb(0xFFFFFF),
	scene.InputLine:      rgb(0x2F6DA8),
	scene.InputFill:      rgb(0xDCEAF7),
	scene.InputText:      rgb(0x24598A),
	scene.OutputLine:     rgb(0x1B7F5A),
	scene.OutputFill:     rgb(0xD9F0E5),
	scene.OutputText:     rgb(0x14654A),
	scene.AdjointLine:    rgb(0xC2410C),
	scene.AdjointFill:    rgb(0xFBE3D5),
	scene.AdjointText:    rgb(0xA8330A),
	scene.ConstantFill:   rgb(0x3C4650),
	scene.ConstantText:   rgb(0xFFFFFF),
	scene.ForwardTint:    rgb(0xF5F8FB),
	scene.ForwardBorder:  rgb(0xC9D6E2),
	scene.GradientTint:   rgb(0xFDF6F1),
	scene.GradientBorder: rgb(0xF0CDB8),
	scene.ScopeTint:      rgb(0xF4F5F7),
	scene.ScopeBorder:    rgb(0xD3D9DF),
	scene.WarnLine:       rgb(0x8A5A00),
	scene.WarnFill:       rgb(0xFFF1CC),
	scene.Heat0:          rgb(0xFFF7E0),
	scene.Heat1:          rgb(0xFEE3A8),
	scene.Heat2:          rgb(0xFBC77D),
	scene.Heat3:          rgb(0xF2A65E),
	scene.Heat4:          rgb(0xA63A16),
	scene.Heat5:          rgb(0x6B1A0B),
	scene.HeatText:       rgb(0xFFFFFF),
	scene.Group0:         rgb(0xCFE3F5), // the hues of Okabe and Ito, which all kinds of colour vision tell apart, as tints
	scene.Group1:         rgb(0xFBDDB0),
	scene.Group2:         rgb(0xC3E8D8),
	scene.Group3:         rgb(0xF3CFE2),
	scene.Group4:         rgb(0xF6F0A8),
	scene.Group5:         rgb(0xD6D3EF),
	scene.Group6:         rgb(0xF7C9B8),
	scene.Group7:         rgb(0xDADFE3),
}

// Dark is the theme on a dark screen.
var Dark = Theme{
	scene.Background:     rgb(0x12171C),
	scene.Ink:            rgb(0xE8EDF2),
	scene.Muted:          rgb(0xA3B0BB),
	scene.Line:           rgb(0x8B99A5),
	scene.Paper:          rgb(0x1C232A),
	scene.InputLine:      rgb(0x6AA9E4),
	scene.InputFill:      rgb(0x18324B),
	scene.InputText:      rgb(0xA9D0F5),
	scene.OutputLine:     rgb(0x4CC596),
	scene.OutputFill:     rgb(0x143A2C),
	scene.OutputText:     rgb(0x9BE3C4),
	scene.AdjointLine:    rgb(0xF0824A),
	scene.AdjointFill:    rgb(0x47230F),
	scene.AdjointText:    rgb(0xFFB38C),
	scene.ConstantFill:   rgb(0xAEB9C3),
	scene.ConstantText:   rgb(0x12171C),
	scene.ForwardTint:    rgb(0x171E25),
	scene.ForwardBorder:  rgb(0x34414D),
	scene.GradientTint:   rgb(0x241A14),
	scene.GradientBorder: rgb(0x5B3A28),
	scene.ScopeTint:      rgb(0x181E24),
	scene.ScopeBorder:    rgb(0x38434D),
	scene.WarnLine:       rgb(0xE0B040),
	scene.WarnFill:       rgb(0x3A2F10),
	scene.Heat0:          rgb(0x2A2118),
	scene.Heat1:          rgb(0x4A2F17),
	scene.Heat2:          rgb(0x6B3A14),
	scene.Heat3:          rgb(0x8A4410),
	scene.Heat4:          rgb(0xF2A65E),
	scene.Heat5:          rgb(0xFFE3A8),
	scene.HeatText:       rgb(0x12171C),
	scene.Group0:         rgb(0x1B4263),
	scene.Group1:         rgb(0x5E430F),
	scene.Group2:         rgb(0x14523D),
	scene.Group3:         rgb(0x5A2747),
	scene.Group4:         rgb(0x524D0E),
	scene.Group5:         rgb(0x38336B),
	scene.Group6:         rgb(0x662C1A),
	scene.Group7:         rgb(0x39434C),
}

// Mono is the theme for printing in black: nothing is said by colour alone, so
// that nothing is lost.
var Mono = derive(Light, func(r scene.Role, c RGB) RGB {
	switch r {
	case scene.Background, scene.Paper, scene.ConstantText, scene.InputFill, scene.OutputFill, scene.AdjointFill, scene.HeatText:
		return rgb(0xFFFFFF)
	case scene.ConstantFill:
		return rgb(0x000000)
	case scene.ForwardTint, scene.GradientTint, scene.ScopeTint, scene.WarnFill:
		return rgb(0xF6F6F6)
	case scene.ForwardBorder, scene.GradientBorder, scene.ScopeBorder:
		return rgb(0xC8C8C8)
	case scene.Group0, scene.Group1, scene.Group2, scene.Group3, scene.Group4, scene.Group5, scene.Group6, scene.Group7:
		// Greys far enough apart to be told.
		g := uint8(0xFF - 12*(r-scene.Group0))
		return RGB{g, g, g}
	case scene.Heat0, scene.Heat1, scene.Heat2, scene.Heat3, scene.Heat4, scene.Heat5:
		g := uint8((299*int(c[0]) + 587*int(c[1]) + 114*int(c[2])) / 1000)
		return RGB{g, g, g}
	}
	return rgb(0x1A1A1A)
})

// SurfaceWave is the theme of the literature on automatic differentiation of
// surface waves: yellow inputs, dark constants, black lines.
var SurfaceWave = derive(Light, func(r scene.Role, c RGB) RGB {
	switch r {
	case scene.InputFill:
		return rgb(0xFFE45C)
	case scene.InputLine, scene.Line, scene.OutputLine:
		return rgb(0x222222)
	case scene.InputText, scene.OutputText, scene.Muted:
		return rgb(0x3A3A3A)
	case scene.OutputFill:
		return rgb(0xE8E8E8)
	case scene.ConstantFill:
		return rgb(0x2B2B2B)
	}
	return c
})

func derive(t Theme, f func(scene.Role, RGB) RGB) Theme {
	for r := range t {
		t[r] = f(scene.Role(r), t[r])
	}
	return t
}
