"""The light of landscapes: which skies, suns, hazes and colours go together.

mood      sky              ground light      what it tries
--------  ---------------  ----------------  -------------------------------------------
day       blue             full              the plain holiday picture
golden    yellow to blue   warm, low sun     strong tint, sun in the frame
dusk      violet to amber  dim               dark without being underexposed
overcast  grey             flat              low contrast without being blurred
winter    pale             snow              bright without being burnt
night     deep blue        moonlit           darker still, but with clean shadows
autumn    pale blue        orange woods      saturated
storm     slate            spotlit           dramatic, low key
desert    blue to sand     sand              few edges, warm
"""

from dataclasses import dataclass

from triaged.demo.canvas import Colour


@dataclass(frozen=True, slots=True)
class Mood:
    """The light of a landscape: `sky` top first, `ground` and `leaves` dark to light."""

    sky: tuple[Colour, ...]
    cloud: Colour
    sun: Colour
    haze: Colour
    ground: tuple[Colour, ...]
    leaves: tuple[Colour, ...]
    grounds: tuple[str, ...] = ("meadow", "water", "field", "sand")
    sun_is_in_frame: float = 0.3


MOODS: dict[str, Mood] = {
    "day": Mood(
        ((62, 118, 190), (120, 172, 222), (205, 224, 238)),
        (250, 250, 252),
        (255, 250, 235),
        (170, 196, 220),
        ((34, 52, 20), (84, 110, 42), (150, 164, 84)),
        ((18, 36, 14), (52, 86, 30), (120, 146, 62)),
    ),
    "golden": Mood(
        ((88, 130, 180), (214, 190, 160), (255, 206, 122)),
        (255, 226, 190),
        (255, 232, 170),
        (226, 180, 130),
        ((48, 38, 16), (120, 92, 38), (212, 168, 84)),
        ((28, 26, 10), (86, 70, 24), (186, 146, 60)),
        sun_is_in_frame=0.8,
    ),
    "dusk": Mood(
        ((34, 36, 78), (104, 70, 120), (232, 130, 92), (250, 176, 104)),
        (180, 100, 116),
        (255, 190, 120),
        (110, 76, 104),
        ((10, 10, 20), (34, 30, 40), (82, 64, 66)),
        ((6, 6, 12), (20, 18, 26), (48, 40, 44)),
        grounds=("water", "meadow", "sand", "water"),
        sun_is_in_frame=0.6,
    ),
    "overcast": Mood(
        ((150, 158, 166), (188, 194, 198), (214, 216, 216)),
        (228, 230, 232),
        (225, 226, 226),
        (180, 188, 192),
        ((44, 52, 38), (92, 100, 72), (138, 142, 112)),
        ((26, 34, 26), (58, 68, 48), (100, 108, 82)),
        sun_is_in_frame=0.0,
    ),
    "winter": Mood(
        ((118, 154, 200), (178, 202, 226), (226, 232, 240)),
        (244, 246, 250),
        (255, 248, 236),
        (196, 210, 226),
        ((120, 138, 168), (204, 214, 230), (248, 250, 253)),
        ((20, 30, 32), (50, 66, 64), (150, 166, 172)),
        grounds=("snow", "snow", "water"),
    ),
    "night": Mood(
        ((6, 10, 30), (16, 28, 62), (44, 66, 110)),
        (40, 54, 88),
        (226, 232, 246),
        (30, 44, 78),
        ((4, 7, 14), (14, 22, 38), (40, 54, 78)),
        ((2, 4, 8), (8, 14, 24), (22, 32, 48)),
        grounds=("water", "snow", "meadow"),
        sun_is_in_frame=0.7,
    ),
    "autumn": Mood(
        ((96, 142, 190), (170, 196, 214), (228, 224, 208)),
        (246, 244, 238),
        (255, 240, 210),
        (190, 186, 178),
        ((52, 36, 16), (122, 92, 40), (186, 156, 80)),
        ((60, 24, 8), (168, 82, 18), (232, 160, 44)),
    ),
    "storm": Mood(
        ((44, 52, 62), (84, 92, 100), (150, 152, 146)),
        (74, 80, 90),
        (206, 200, 180),
        (104, 112, 118),
        ((24, 32, 20), (70, 82, 44), (148, 146, 82)),
        ((12, 18, 12), (34, 44, 26), (82, 88, 50)),
        sun_is_in_frame=0.0,
    ),
    "desert": Mood(
        ((58, 112, 178), (140, 174, 204), (232, 214, 184)),
        (248, 240, 228),
        (255, 244, 214),
        (214, 178, 146),
        ((104, 56, 30), (184, 122, 72), (234, 192, 138)),
        ((40, 44, 24), (84, 84, 48), (140, 132, 84)),
        grounds=("sand", "sand", "field"),
    ),
}
