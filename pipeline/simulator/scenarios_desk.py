"""What people call a front desk about: an appointment, a refill, an offer.

Invariant: as in ``script.py``.
"""

from .script import Exchange, Scenario, Tool

APPOINTMENT = Scenario(
    name="appointment",
    topic="an appointment",
    wish=(
        "I'd like to book an appointment, preferably sometime next week.",
        "I need to see someone, do you have anything on {weekday}?",
        "My {relative} told me to call you for an appointment.",
    ),
    offer=(
        "I am calling because you asked us for an appointment. Would next week work for you?",
        "You left your number on our website to get a visit scheduled, and I can do that right now.",
    ),
    exchanges=(
        Exchange(
            agent=(
                "I can certainly help you with that. May I have your full name and date of birth, please?",
                "Happy to. First I need to find you in our system. What is your name and when were you born?",
            ),
            user=(
                "It's {first} {last}, {birthday}.",
                "Sure, {first} {last}. My birthday is {birthday}.",
                "Um, {last}. First name {first}. And it's {birthday}.",
            ),
        ),
        Exchange(
            agent=(
                "Thank you, {first}. Have you been with us before, or is this going to be your first visit?",
                "Thanks. And is this about something new, or a follow-up to an earlier visit?",
            ),
            user=(
                "I was there about a year ago, I think.",
                "No, it's the first time.",
                "It's a follow-up, I saw {doctor} in {date}.",
            ),
        ),
        Exchange(
            agent=(
                "Which day and time would suit you best?",
                "When would you like to come, morning or afternoon?",
            ),
            user=(
                "{weekday} would be great, around {time} if possible.",
                "I work mornings, so maybe {weekday} in the afternoon.",
                "Any day except {other_day}, really.",
            ),
        ),
        Exchange(
            agent=(
                "One moment, let me check what we have on {weekday}.",
                "Let me take a look at the calendar for you.",
                "",
            ),
            tool=Tool(
                "check_availability",
                (("day", "{weekday}"), ("preferred_time", "{time}")),
                (("available", "{time}, {other_time}"), ("day", "{weekday}")),
            ),
            found=(
                "I have openings on {weekday}, one at {time} and one at {other_time}. Which do you prefer?",
                "Good news, {weekday} at {time} is free, and so is {other_time}. Shall I take the first one?",
            ),
            user=(
                "{time} sounds good.",
                "Let's do {other_time}, that's easier for me.",
                "The first one, please.",
            ),
        ),
        Exchange(
            agent=("Great, I am booking that for you now.", "Okay, give me a second to put that in.", ""),
            tool=Tool(
                "book_appointment",
                (("name", "{first} {last}"), ("day", "{weekday}"), ("time", "{time}")),
                (("booked", "yes"), ("confirmation", "{order}")),
            ),
            found=(
                "You are booked for {weekday}, {date}, at {time} with {doctor}. Your code is {order}.",
                "Done! See you on {weekday} at {time}. Please come ten minutes early for the paperwork.",
            ),
            user=("Wonderful, thank you.", "Great, I've written that down.", "Okay, {weekday} it is."),
        ),
    ),
    summary=(
        "{first} {last} asked for an appointment and agreed on {weekday} at {time}.",
        "The user wanted to see {doctor}. The agent offered two times and booked {weekday} at {time}.",
    ),
)

REFILL = Scenario(
    name="refill",
    topic="a refill of {drug}",
    wish=(
        "I'm running out of my {drug} and need a refill.",
        "Hi, I want to renew a prescription, the {drug} one.",
        "I have about three pills left of my {drug}, can you refill that?",
    ),
    offer=(
        "I am calling because your {drug} prescription runs out soon. Shall I prepare a refill for you?",
        "Our records show that you have few tablets of {drug} left, and I wanted to ask if you need more.",
    ),
    exchanges=(
        Exchange(
            agent=(
                "I can look into that. For your safety, could you tell me your full name and date of birth?",
                "Of course. Please give me your name and your birthday so that I can pull up your record.",
            ),
            user=("{first} {last}, born {birthday}.", "It's {last}, {first}. {birthday}."),
        ),
        Exchange(
            agent=("Thank you. Let me check your prescription.", "Thanks {first}, just a second.", ""),
            tool=Tool(
                "lookup_prescription",
                (("patient", "{first} {last}"), ("medication", "{drug}")),
                (("medication", "{drug}"), ("dose", "{dose} mg"), ("refills_left", "{count}")),
            ),
            found=(
                "I see {drug}, {dose} milligrams, once a day, with {count} refills left. Is that it?",
                "Here it is, {drug} at {dose} milligrams, from {doctor}. Is the dose still the same?",
            ),
            user=(
                "Yes, that's the one.",
                "Yes, {dose} milligrams, nothing changed.",
                "Right, from {doctor}.",
            ),
        ),
        Exchange(
            agent=(
                "Have you noticed any side effects, or do you take any new medication since the last refill?",
                "Before I send it off, are there any new allergies or medicines that we should know about?",
            ),
            user=(
                "No, nothing new.",
                "I get a bit dizzy in the mornings, but that's it.",
                "Just some vitamins, I guess.",
            ),
        ),
        Exchange(
            agent=("I am sending the request now.", "All right, one moment while I submit this.", ""),
            tool=Tool(
                "request_refill",
                (("medication", "{drug}"), ("dose", "{dose} mg"), ("pharmacy", "{street}")),
                (("status", "sent"), ("ready", "{weekday}")),
            ),
            found=(
                "Your refill goes to the pharmacy on {street} and should be ready on {weekday} after {time}.",
                "It is on its way. {doctor} has to sign it, so please expect it on {weekday}.",
            ),
            user=("That works, thanks.", "{weekday} is fine.", "Oh good, that's quick."),
        ),
    ),
    summary=(
        "{first} {last} asked for a refill of {drug} {dose} mg. The agent sent the request to the pharmacy.",
        "A refill of {drug} was requested and will be ready on {weekday}.",
    ),
)

LEAD = Scenario(
    name="lead",
    topic="solar panels",
    wish=(
        "I saw your ad and I'm curious what solar would cost for our house.",
        "A neighbor has panels from you, and I want to know if that makes sense for us.",
    ),
    offer=(
        "You asked for a quote on our website, and I have a few short questions to see what fits your home.",
        "I am following up on the form that you filled in about solar panels. Is that still of interest?",
    ),
    exchanges=(
        Exchange(
            agent=(
                "Wonderful. Do you own the house, and is it a single family home?",
                "To begin with, are you the owner of the home, and how many people live there?",
            ),
            user=(
                "Yes, we own it. It's a house with a garage.",
                "We own it, there are {count} of us.",
                "I'm renting, but the landlord is interested.",
            ),
        ),
        Exchange(
            agent=(
                "And roughly how high is your electricity bill in a normal month?",
                "What do you pay for power each month, more or less?",
            ),
            user=(
                "Around {amount} dollars, more in summer.",
                "Last month it was {amount}.",
                "I honestly don't know, my {relative} handles that.",
            ),
        ),
        Exchange(
            agent=(
                "Thanks. In which city is the house, and does the roof get sun in the afternoon?",
                "Good to know. Where is the home, and are there tall trees next to the roof?",
            ),
            user=(
                "It's on {street} in {city}, and we get a lot of sun.",
                "In {city}. There's one big oak, but it's north of us.",
            ),
        ),
        Exchange(
            agent=("Let me run the numbers for you.", "I will enter that and see what we can offer.", ""),
            tool=Tool(
                "qualify_lead",
                (("city", "{city}"), ("monthly_bill", "{amount}"), ("owner", "yes")),
                (("qualified", "yes"), ("estimated_saving", "{fee} percent")),
            ),
            found=(
                "You could save about {fee} percent in the first year. Would a free visit be of interest?",
                "Promising! Homes like yours break even in about {count} years. Shall we send somebody out?",
            ),
            user=(
                "A visit would be okay.",
                "Yes, if there's no obligation.",
                "Hmm, send me the numbers first.",
            ),
        ),
    ),
    summary=(
        "{first} {last} in {city} was asked about home and bill and is interested in a visit.",
        "The agent qualified the lead: a bill of {amount} dollars in {city}. The user wants to know more.",
    ),
)
