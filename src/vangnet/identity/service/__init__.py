"""The use cases of people, sign-in, parties and keys; one file a subject.

Each function that changes something takes `(conn, actor, *, …, now)`, runs in the transaction that its caller opened, and
leaves one audit event. What somebody does who is not signed in yet cannot ask for a permission; it asks for proof instead,
and where the proof is wrong it returns `Refused` and does not raise, so that the event and the count of attempts are kept.
"""
