"""The particulars of one call: names, dates, numbers and amounts that its texts mention.

Invariant: everything here is invented; phone numbers come from the range reserved for fiction.
"""

from random import Random

from .chance import choose

Slots = dict[str, str]

_FIRST = (
    "Maria", "James", "Aisha", "Daniel", "Priya", "Thomas", "Elena", "Marcus", "Hannah", "Diego",
    "Grace", "Victor", "Naomi", "Peter", "Leila", "Samuel", "Ingrid", "Robert", "Chloe", "Anthony",
    "Mei", "Patrick", "Fatima", "George", "Julia", "Kwame", "Sofia", "Walter", "Irene", "Luca",
)  # fmt: skip
_LAST = (
    "Nguyen", "Carter", "Okafor", "Lindgren", "Ramirez", "Patel", "Becker", "Sullivan", "Haddad",
    "Kowalski", "Reyes", "Thompson", "Ito", "Fischer", "Mensah", "Delgado", "Novak", "Price", "Brennan",
    "Ortiz", "Walsh", "Kaur", "Duarte", "Simmons", "Petrov", "Coleman", "Ashby", "Moreau", "Vance",
    "Tran",
)  # fmt: skip
_AGENTS = ("Ava", "Noah", "Riley", "Sam", "Joan", "Max")
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday")
_MONTHS = ("January", "February", "March", "April", "May", "June", "September", "October", "November")
_TIMES = (
    "nine",
    "nine thirty",
    "ten",
    "ten fifteen",
    "eleven thirty",
    "one",
    "two fifteen",
    "three",
    "four thirty",
)
_STREETS = ("Harbor Street", "Mill Lane", "Orchard Road", "Second Avenue", "Canal Street", "Juniper Drive")
_CITIES = ("Springdale", "Westford", "Riverton", "Oakridge", "Fairview", "Port Ellis")
_RELATIVES = ("husband", "wife", "daughter", "son", "neighbor", "brother")
_ITEMS = (
    "garden hose",
    "pair of hiking boots",
    "desk lamp",
    "coffee grinder",
    "set of shelves",
    "rain jacket",
    "cordless drill",
    "toaster oven",
)
_DRUGS = ("lisinopril", "metformin", "atorvastatin", "levothyroxine", "amlodipine", "sertraline")
_DOCTORS = ("Doctor Ames", "Doctor Hollis", "Doctor Iqbal", "Doctor Wren")
_AREA_CODES = ("213", "312", "415", "512", "617", "720", "206", "305")


def draw_slots(rng: Random, business: str) -> Slots:
    """Draw the particulars of one call."""
    day = rng.randrange(5)
    number = str(rng.randrange(10_000, 99_999))
    return {
        "business": business,
        "agent": choose(rng, _AGENTS),
        "first": choose(rng, _FIRST),
        "last": choose(rng, _LAST),
        "weekday": _DAYS[day],
        "other_day": _DAYS[(day + 2) % 5],
        "date": f"{choose(rng, _MONTHS)} {rng.randrange(1, 29)}",
        "birthday": f"{choose(rng, _MONTHS)} {rng.randrange(1, 29)} {rng.randrange(1944, 2003)}",
        "time": choose(rng, _TIMES),
        "other_time": choose(rng, _TIMES),
        "order": f"{choose(rng, 'ABDFK')}{number}",
        "digits": number[:4],
        "item": choose(rng, _ITEMS),
        "amount": f"{rng.randrange(18, 420)}.{rng.randrange(100):02d}",
        "fee": str(rng.randrange(3, 19)),
        "number": str(rng.randrange(2, 980)),
        "street": choose(rng, _STREETS),
        "city": choose(rng, _CITIES),
        "relative": choose(rng, _RELATIVES),
        "drug": choose(rng, _DRUGS),
        "dose": str(choose(rng, (5, 10, 20, 25, 50))),
        "doctor": choose(rng, _DOCTORS),
        "count": str(rng.randrange(2, 9)),
    }


def phone_number(rng: Random) -> str:
    """Draw a number nobody has: 555-0100 to 555-0199 of a real area code."""
    return f"+1{choose(rng, _AREA_CODES)}55501{rng.randrange(100):02d}"
