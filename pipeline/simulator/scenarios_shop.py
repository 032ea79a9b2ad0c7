"""What people call a shop or a utility about: an order, a return, a bill.

Invariant: as in ``script.py``.
"""

from .scenarios_desk import APPOINTMENT, LEAD, REFILL
from .script import Exchange, Scenario, Tool

ORDER = Scenario(
    name="order",
    topic="order {order}",
    wish=(
        "I ordered a {item} two weeks ago and it still isn't here.",
        "Can you tell me where my package is?",
        "I'd like to know the status of my order.",
    ),
    offer=(
        "I am calling about your order of a {item}, because the delivery was delayed.",
        "There is an update on the {item} that you ordered from us. Do you want to hear it?",
    ),
    exchanges=(
        Exchange(
            agent=(
                "I am sorry about the wait. Could you give me your order number? It starts with a letter.",
                "Let me find out for you. Do you have the order number at hand?",
            ),
            user=(
                "Yes, it's {order}.",
                "Hold on, I have the email here. {order}.",
                "I think it is {order}, but I am not sure.",
            ),
        ),
        Exchange(
            agent=("Thank you, I am looking that up now.", "{order}, got it. One moment please.", ""),
            tool=Tool(
                "lookup_order",
                (("order_number", "{order}"),),
                (("status", "shipped"), ("item", "{item}"), ("expected", "{weekday}")),
            ),
            found=(
                "I found it. Your {item} left our warehouse on {date} and is expected on {weekday}.",
                "The {item} is with the carrier right now. The tracking page says {weekday} before {time}.",
            ),
            user=(
                "Okay, but it was supposed to be here last {other_day}.",
                "{weekday}? I won't be home then.",
                "Oh, that's better than I thought.",
            ),
        ),
        Exchange(
            agent=(
                "I understand that is annoying. Should it still go to {street}, or somewhere else?",
                "We can leave it with a neighbor or send it to a pickup point. What do you prefer?",
            ),
            user=(
                "Leave it with my {relative}, please.",
                "A pickup point would be best.",
                "No, just keep the address as it is.",
            ),
        ),
        Exchange(
            agent=("Let me change that in the system.", "I will update the delivery for you.", ""),
            tool=Tool(
                "update_delivery",
                (("order_number", "{order}"), ("address", "{number} {street}, {city}")),
                (("updated", "yes"), ("expected", "{weekday}")),
            ),
            found=(
                "That is updated. You will get a message from the carrier one hour before it arrives.",
                "Done. For the trouble, I have also taken {fee} dollars off your next order.",
            ),
            user=("Thank you, that's kind.", "Great, that helps.", "Alright, let's hope it works this time."),
        ),
    ),
    summary=(
        "{first} {last} asked about order {order}. The agent found it in transit, expected on {weekday}.",
        "The user complained about the late delivery of a {item}. The agent updated the delivery.",
    ),
)

RETURN = Scenario(
    name="return",
    topic="returning a {item}",
    wish=(
        "I want to return a {item}, it doesn't work.",
        "The {item} I got is not what I ordered.",
        "How do I send something back to you?",
    ),
    offer=(
        "I am calling because we received your return request for the {item}.",
        "You wrote to us that the {item} has a problem, and I would like to help you send it back.",
    ),
    exchanges=(
        Exchange(
            agent=(
                "I am sorry to hear that. What is the order number, please?",
                "Oh no, let's fix that. Can you read me the number on your receipt?",
            ),
            user=(
                "It's {order}.",
                "One second. {order}, that's what it says.",
                "The number is {order}, from {date}.",
            ),
        ),
        Exchange(
            agent=(
                "Thanks, let me open that order.",
                "Okay, I am checking whether it can still be returned.",
                "",
            ),
            tool=Tool(
                "lookup_order",
                (("order_number", "{order}"),),
                (("item", "{item}"), ("price", "{amount}"), ("returnable", "yes")),
            ),
            found=(
                "I see a {item} for {amount} dollars, within the return period. What is wrong with it?",
                "Here it is, one {item}, bought on {date}. Could you tell me why you are sending it back?",
            ),
            user=(
                "It stopped working after {count} days.",
                "It's the wrong size and one part is scratched.",
                "My {relative} bought the same one, so I don't need two.",
            ),
        ),
        Exchange(
            agent=(
                "Thank you for explaining. Would you like your money back, or should we send a new one?",
                "I understand. We can refund it or exchange it. Which would you prefer?",
            ),
            user=("A refund, please.", "I would like a new one, if it comes soon.", "Money back is fine."),
        ),
        Exchange(
            agent=(
                "I will set that up right away.",
                "Okay, creating the label now, this takes a few seconds.",
                "",
            ),
            tool=Tool(
                "start_return",
                (("order_number", "{order}"), ("reason", "defective"), ("resolution", "refund")),
                (("label", "sent"), ("refund", "{amount}"), ("case", "{order}-R")),
            ),
            found=(
                "You will get a label by email. Put it on the box and drop it off by {weekday}.",
                "The return is open. Once we have the {item}, the {amount} dollars go back to your card.",
            ),
            user=("Okay, that sounds easy.", "By {weekday}, alright.", "Thanks for sorting that out."),
        ),
    ),
    summary=(
        "{first} {last} returned a {item} from order {order}. The agent sent a return label.",
        "The user reported a faulty {item} and chose a refund of {amount} dollars.",
    ),
)

BILLING = Scenario(
    name="billing",
    topic="a bill of {amount} dollars",
    wish=(
        "I have a question about my bill, it's much higher than usual.",
        "You charged me {amount} dollars and I don't know what for.",
        "There's a fee on my statement that I don't understand.",
    ),
    offer=(
        "I am calling about your last invoice, because the payment did not go through.",
        "You asked about your bill of {amount} dollars, and I would like to go through it with you.",
    ),
    exchanges=(
        Exchange(
            agent=(
                "I can go through it with you. What is the account number, or the name on the account?",
                "Let's have a look together. Could you tell me the account number on top of the bill?",
            ),
            user=(
                "It's {order}.",
                "The account is on {first} {last}.",
                "{order}. I have it right in front of me.",
            ),
        ),
        Exchange(
            agent=(
                "Thank you. To confirm that it is you, what are the street and the city of the account?",
                "And for security, please tell me the service address.",
            ),
            user=("{number} {street} in {city}.", "We live on {street}, number {number}."),
        ),
        Exchange(
            agent=("Perfect, I am opening your invoice.", "Thanks {first}, let me pull that up.", ""),
            tool=Tool(
                "lookup_invoice",
                (("account", "{order}"), ("month", "{date}")),
                (("total", "{amount}"), ("late_fee", "{fee}.00"), ("due", "{date}")),
            ),
            found=(
                "The total is {amount} dollars, with a late fee of {fee} dollars from the month before.",
                "I see it. {amount} dollars, due on {date}, for {count} days more than usual.",
            ),
            user=(
                "But I paid on time, I am sure of that.",
                "Okay, that explains a part of it.",
                "A late fee? I never got a reminder.",
            ),
        ),
        Exchange(
            agent=(
                "I see what happened. Since it is the first time, I can take the late fee off for you.",
                "Let me see what I can do. I am asking for a credit of {fee} dollars.",
                "",
            ),
            tool=Tool(
                "apply_credit",
                (("account", "{order}"), ("amount", "{fee}.00"), ("reason", "courtesy")),
                (("applied", "yes"), ("new_total", "{amount}")),
            ),
            found=(
                "The credit of {fee} dollars is on your account, and you will see it on the next statement.",
                "That worked. The fee is gone, and the new due date is {weekday}, {date}.",
            ),
            user=(
                "That's fair, thank you.",
                "Great, I appreciate it.",
                "Okay. Please don't let that happen again.",
            ),
        ),
        Exchange(
            agent=(
                "Would you like to pay by card now, or should the bank collect it on {weekday}?",
                "Shall I switch you to automatic payments, so that this does not happen again?",
            ),
            user=("I'll pay online later.", "Yes, please do that.", "No, I'd rather pay it myself."),
        ),
    ),
    summary=(
        "{first} {last} asked about a bill of {amount} dollars. The agent credited a late fee.",
        "The user disputed a late fee of {fee} dollars, which the agent removed.",
    ),
)

SCENARIOS = {scenario.name: scenario for scenario in (APPOINTMENT, REFILL, LEAD, ORDER, RETURN, BILLING)}
