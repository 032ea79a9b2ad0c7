"""What can be said in a call: the parts of a scenario, and the small talk that every scenario shares.

Invariant: texts are templates over the names in ``slots.py``, single spaced: their words join to the content.
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tool:
    """A function the agent calls: arguments and result as templates by key."""

    name: str
    arguments: tuple[tuple[str, str], ...]
    result: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Exchange:
    """One thing the agent says and the user's answer; with a tool, ``found`` is what follows its result."""

    agent: tuple[str, ...]
    user: tuple[str, ...]
    tool: Tool | None = None
    found: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """A reason to call: what the user wants, how the agent gets there, and how it is summed up."""

    name: str
    topic: str
    wish: tuple[str, ...]
    offer: tuple[str, ...]
    exchanges: tuple[Exchange, ...]
    summary: tuple[str, ...]


GREETINGS = (
    "Thank you for calling {business}, this is {agent}. How can I help you today?",
    "Hi, you have reached {business}. My name is {agent}, what can I do for you?",
    "Hello and welcome to {business}! This call may be recorded. How can I help?",
)
OUTREACH = (
    "Hi, this is {agent} from {business}. Am I speaking with {first}?",
    "Hello {first}, {agent} calling from {business}. Do you have a minute?",
    "Good day, it's {agent} with {business}. Is this {first} {last}?",
)
PICKED_UP = (
    "Yes, this is {first}. What is this about?",
    "Speaking. I have a few minutes.",
    "Yeah, that's me. Go ahead.",
)
HELLO = ("Hi {agent}.", "Hello, good to hear someone.", "Hi there.", "Oh hi, yes.", "Hello?")

ANYTHING_ELSE = (
    "All right, that is taken care of. Is there anything else I can help you with today?",
    "Great, everything is set on my side. Can I do anything else for you?",
    "Good, I have noted all of that. Is there something else on your mind?",
)
NOTHING_ELSE = (
    "No, that was all, thanks.",
    "Nope, that's it. Thank you so much.",
    "I think that's everything.",
)
GOODBYES = (
    "Thanks for calling {business}, {first}. Have a wonderful day, goodbye!",
    "You're welcome, {first}. Take care and goodbye.",
    "Glad I could help. Have a good rest of your {weekday}, bye!",
)
BYES = ("Bye.", "You too, bye bye.", "Thanks, goodbye.", "Alright, see you.")
GIVES_UP = (
    "You know what, I don't have time for this right now.",
    "This is not what I need, forget it.",
    "Can I talk to a real person? No? Then never mind.",
    "Sorry, somebody is at the door, I have to go.",
)
STILL_THERE = (
    "Are you still there?",
    "Hello, can you hear me? I am still on the line.",
    "I can't hear you at the moment. Please say something when you are ready.",
)
TRANSFERS = (
    "I understand. Let me put you through to a colleague who can look at this. Please stay on the line.",
    "That is something for our team. I am going to transfer you now, one moment please.",
)
WANTS_PERSON = (
    "I'd rather discuss this with a person, please.",
    "Could you just connect me to someone at the office?",
    "It's complicated, can I speak with a human?",
)
VOICEMAILS = (
    "You have reached the voicemail of {first} {last}. Please leave a message after the tone.",
    "Hi, this is {first}. I can't come to the phone right now, leave a message and I'll call you back.",
    "The person you are calling is not available. At the tone, please record your message.",
)
TOOL_FAILED = (
    "I'm sorry, the system does not answer right now. I have made a note and a colleague will call you back.",
    "Hmm, I get an error when I look that up. Let me write it down so that we can follow up by email.",
    "It seems our system is a little slow today and I could not get through. We will send you a text later.",
)

SIDE_TALK: tuple[tuple[tuple[str, ...], tuple[str, ...]], ...] = (
    (
        ("What are your opening hours, by the way?", "When are you open on Saturdays?"),
        (
            "We are open from eight to six on weekdays, nine to one on Saturdays, and closed on Sundays.",
            "Monday to Friday eight to six, and Saturday mornings until one o'clock.",
        ),
    ),
    (
        ("Sorry, could you say that again?", "I didn't catch that, you broke up."),
        (
            "Of course, let me repeat that more slowly. We will go through it together, step by step.",
            "No problem at all. I said that I will note every detail, so you can simply take your time.",
        ),
    ),
    (
        ("Is there a fee for this?", "And what is that going to cost me?"),
        (
            "There is no fee for this. You only pay for the express option, which is {fee} dollars.",
            "It is free of charge for existing customers like you, {first}.",
        ),
    ),
    (
        ("Can you send me a confirmation?", "Will I get something in writing?"),
        (
            "Yes, you will get a text message at the number ending in {digits} within the next few minutes.",
            "Certainly. I will send a confirmation to the email address that we have on file for you.",
        ),
    ),
    (
        ("Where exactly are you located?", "Is there parking nearby?"),
        (
            "We are at {number} {street}, across from the library. Parking behind the building is free.",
            "The address is {number} {street} in {city}. There is a garage next door with two free hours.",
        ),
    ),
    (
        ("My last name changed recently, does that matter?", "You might have me under another name."),
        (
            "Thank you for telling me. I have updated it to {last}, so everything will match from now on.",
            "Not a problem. I can see the old entry too, and I have linked both of them for you.",
        ),
    ),
    (
        ("Are you a robot?", "Wait, am I talking to a computer?"),
        (
            "I am a virtual assistant of {business}. I can do most things, and people are here if I can't.",
            "Yes, I am an automated assistant. If you prefer a person at any time, just tell me.",
        ),
    ),
    (
        ("How long does that usually take?", "Will it take long?"),
        (
            "Usually two or three working days. If it takes longer we will let you know before {weekday}.",
            "It only takes a moment, we are nearly done here.",
        ),
    ),
    (
        ("It's pretty loud here, sorry.", "Sorry, the kids are shouting."),
        (
            "That's fine, I can hear you well enough. Just tell me if you need a moment.",
            "No worries at all, take your time. I will wait until you can speak again.",
        ),
    ),
    (
        ("Could my {relative} do that for me as well?", "Can my {relative} pick that up?"),
        (
            "Yes, as long as your {relative} can give the number {order} and your date of birth.",
            "Sure. I will add a note that your {relative} is allowed to act for you, {first}.",
        ),
    ),
    (
        ("What happens if I have to change it later?", "And if I need to cancel?"),
        (
            "You can change or cancel until the evening before. Just call us, or use the link we send.",
            "That is easy, call this number any time and mention {order}, and we will sort it out.",
        ),
    ),
)
ACKNOWLEDGED = (
    "Okay, thanks.",
    "Alright, good to know.",
    "Perfect.",
    "Got it.",
    "Ah okay, that makes sense.",
)
