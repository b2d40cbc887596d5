//! What is said in English.

use super::{Intent, Language};
use crate::simulate::staff::Queue;

pub(in super::super) const ENGLISH: Language = Language {
    tag: "en",
    intents: INTENTS_EN,
    openers: &[
        "",
        "",
        "Hi, ",
        "Hello, ",
        "Good morning, ",
        "Excuse me, ",
        "Hey there, ",
        "Sorry to bother you, ",
        "I'm calling from {city}, ",
        "So, ",
        "Okay, ",
        "As I said on {day}, ",
        "The account ends {tail}, ",
        "It started {day}, ",
    ],
    links: &[
        "",
        "also, ",
        "and ",
        "wait, ",
        "one more thing, ",
        "look, ",
        "by the way, ",
        "hold on, ",
        "on {day} ",
        "no, ",
    ],
    tails: &[
        "",
        ", got it?",
        ", for order {order}",
        ", any time on {day}",
        ", that's right",
    ],
    endings: &[
        "",
        "",
        ", please help",
        ", can you check",
        ", it's rather urgent",
        ", thanks",
        ", I've waited {mins} minutes",
        ", I'm on the {plan} plan",
        ", I fly out on {day}",
        ", that's odd",
    ],
    upset: &[
        ", this is unacceptable",
        ", I want a manager",
        ", that's {few} times now",
        ", I'm done with this",
    ],
    follow_ups: &[
        "so when exactly do I get the {amount} yuan back",
        "the app shows {amount}, not what you just said",
        "who do I ask for if nothing happens by {day}",
        "is that order {order}, just to be sure",
        "could you text me the details, I'm in {city}",
        "nobody called me back on {day} like they promised",
        "would that change my {plan} plan",
    ],
    personal: &[
        "my number is {phone}",
        "the name is {name} and the phone is {phone}",
        "please write to {email}",
        "deliver to {address}, ask for {name}",
        "passport name is {name}, email {email}",
    ],
    nods: &[
        "okay",
        "right, {day} then",
        "fine, {amount} yuan",
        "I see, thank you",
        "sure, {mins} minutes",
    ],
    goodbyes: &[
        "thanks, I have {ticket} written down, bye",
        "great, speak on {day}, {agent}",
        "cheers {agent}, {amount} it is, bye",
        "alright, I'll watch order {order}",
    ],
    greetings: &[
        "Thank you for calling, this is agent {agent}, am I speaking with the owner of the account ending {tail}",
        "Hello, {agent} here, your reference is {ticket}, how may I help",
    ],
    addresses: &[
        "",
        "Right, ",
        "Thank you, ",
        "I can see {ticket}, ",
        "For the account ending {tail}, ",
        "About order {order}, ",
    ],
    checks: &[
        "Let me look up reference {ticket}, this takes about {mins} minutes",
        "I see order {order} for a {product}, is that the one",
        "Just to confirm, that was the {amount} yuan charge on {day}",
        "You are on {plan} since {day}, account ending {tail}, correct",
    ],
    promises: &[
        "I have opened ticket {ticket}, someone will call you before {day}",
        "I have credited {amount} yuan, you will see it by {day}",
        "The parcel {parcel} leaves {city} on {day}",
    ],
    closings: &[
        "Is there anything else, your reference is {ticket}",
        "Thank you for your patience, {agent} wishes you a nice day, ticket {ticket}",
    ],
    bot_greetings: &[
        "Hi, I'm Chao, the assistant. I found the account ending {tail}, session {ticket}, how can I help",
    ],
    bot_answers: &[
        "Here is what I found about {query}, reference {ticket}",
        "Order {order} is being processed, next update on {day}",
    ],
    bot_hand_overs: &[
        "Let me connect you to a colleague, session {ticket}, {few} people before you",
    ],
    comments: &["quick help, {mins} minutes", "agent {agent} was kind"],
    comments_upset: &[
        "still not fixed, was promised {day}",
        "waited {mins} minutes for nothing",
    ],
};

const INTENTS_EN: &[Intent] = &[
    Intent {
        code: "bill_too_high",
        queue: Queue::English,
        article: "kb-en-01",
        query: "unknown charge",
        asks: &[
            "I was charged {amount} yuan extra this month",
            "there is a {amount} yuan item on my bill I never ordered",
            "why did you take {amount} from my account on {day}",
            "my bill has doubled since {day}",
        ],
        answers: &[
            "The {amount} yuan is for roaming on {day}",
            "That is an add-on, I can cancel it and refund {amount} yuan",
        ],
    },
    Intent {
        code: "sim_foreigner",
        queue: Queue::English,
        article: "kb-en-02",
        query: "sim card for foreigners",
        asks: &[
            "can I get a SIM card with my passport in {city}",
            "my SIM stopped working after I landed in {city}",
            "do you have a monthly plan like {plan} for visitors",
            "how do I keep the number when I leave on {day}",
        ],
        answers: &[
            "Please bring your passport to the store in {city} before {day}",
            "The {plan} plan is {amount} yuan a month",
        ],
    },
    Intent {
        code: "order_not_arrived",
        queue: Queue::English,
        article: "kb-en-03",
        query: "late parcel",
        asks: &[
            "order {order} still hasn't arrived",
            "the parcel {parcel} has been stuck in {city} for days",
            "it says delivered but I never got the {product}",
            "when will the {product} ship",
        ],
        answers: &[
            "Parcel {parcel} is in {city}, delivery is planned for {day}",
            "I have asked for a new {product} to be sent",
        ],
    },
    Intent {
        code: "refund_slow",
        queue: Queue::English,
        article: "kb-en-04",
        query: "refund status",
        asks: &[
            "where is my refund of {amount} yuan",
            "I returned the {product} {few} weeks ago",
            "you only refunded {amount} for order {order}",
            "can the refund go to a foreign card",
        ],
        answers: &[
            "The warehouse confirmed it, {amount} yuan arrives by {day}",
            "The bank needs until {day}, reference {ticket}",
        ],
    },
];
