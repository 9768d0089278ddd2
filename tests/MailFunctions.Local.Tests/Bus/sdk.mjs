// Drives the local bus with Microsoft's own client. Usage: node sdk.mjs CONNECTION_STRING QUEUE SCENARIO
// Prints one JSON object; a scenario that fails exits with code 1 and says why on stderr.
import { createRequire } from "node:module";
const require = createRequire(import.meta.url);
const { ServiceBusClient } = require("@azure/service-bus");

const [connectionString, queue, scenario] = process.argv.slice(2);
const client = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 1, timeoutInMs: 10000 } });
const sender = client.createSender(queue);
const receiver = client.createReceiver(queue, { maxAutoLockRenewalDurationInMs: 0 });
const deadLetters = client.createReceiver(queue, { subQueueType: "deadLetter" });
const wait = { maxWaitTimeInMs: 4000 };
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

const scenarios = {
  async sendAndComplete() {
    await sender.sendMessages({ body: { v: 1 }, messageId: "one", contentType: "application/json", applicationProperties: { n: 5, s: "x" } });
    const [message] = await receiver.receiveMessages(1, wait);
    await receiver.completeMessage(message);
    const peeked = await receiver.peekMessages(10, { fromSequenceNumber: message.sequenceNumber });
    return {
      body: message.body, id: message.messageId, properties: message.applicationProperties, contentType: message.contentType,
      deliveryCount: message.deliveryCount, state: message.state, hasLock: Boolean(message.lockToken),
      enqueuedAgo: Math.abs(Date.now() - message.enqueuedTimeUtc.getTime()), lockedFor: message.lockedUntilUtc.getTime() - Date.now(),
      left: peeked.length,
    };
  },
  async batch() {
    const batch = await sender.createMessageBatch();
    for (let i = 0; i < 100; i++) if (!batch.tryAddMessage({ body: `message ${i}`, messageId: `b${i}` })) throw new Error(`no room for ${i}`);
    await sender.sendMessages(batch);
    const bodies = [];
    while (bodies.length < 100) {
      const messages = await receiver.receiveMessages(40, wait);
      if (messages.length === 0) break;
      for (const message of messages) { bodies.push(message.body); await receiver.completeMessage(message); }
    }
    return { maxSize: batch.maxSizeInBytes, bodies };
  },
  async schedule() {
    const at = new Date(Date.now() + 1500);
    const [kept, cancelled] = await sender.scheduleMessages([{ body: "kept", messageId: "k" }, { body: "cancelled", messageId: "c" }], at);
    const early = await receiver.receiveMessages(1, { maxWaitTimeInMs: 500 });
    await sender.cancelScheduledMessages(cancelled);
    let again = "";
    try { await sender.cancelScheduledMessages(cancelled); } catch (e) { again = e.code; }
    const messages = await receiver.receiveMessages(5, { maxWaitTimeInMs: 5000 });
    const receivedAt = Date.now();
    for (const message of messages) await receiver.completeMessage(message);
    return { early: early.length, numbers: [typeof kept, kept.toString() !== cancelled.toString()], bodies: messages.map((m) => m.body), notBefore: receivedAt >= at.getTime(), again };
  },
  async abandonUntilDead() {
    await sender.sendMessages({ body: "poison", messageId: "p" });
    const counts = [];
    for (let i = 0; i < 20; i++) {
      const [message] = await receiver.receiveMessages(1, { maxWaitTimeInMs: i === 0 ? 4000 : 1000 });
      if (!message) break;
      counts.push(message.deliveryCount);
      await receiver.abandonMessage(message);
    }
    const [dead] = await deadLetters.receiveMessages(1, wait);
    await deadLetters.completeMessage(dead);
    return { counts, reason: dead.deadLetterReason, description: dead.deadLetterErrorDescription, source: dead.deadLetterSource, body: dead.body };
  },
  async deadLetter() {
    await sender.sendMessages({ body: "bad", messageId: "d" });
    const [message] = await receiver.receiveMessages(1, wait);
    await receiver.deadLetterMessage(message, { deadLetterReason: "unreadable", deadLetterErrorDescription: "no JSON" });
    const [peeked] = await deadLetters.peekMessages(1);
    const [dead] = await deadLetters.receiveMessages(1, wait);
    await deadLetters.completeMessage(dead);
    return { peeked: peeked.body, reason: dead.deadLetterReason, description: dead.deadLetterErrorDescription, body: dead.body };
  },
  async defer() {
    await sender.sendMessages({ body: "later", messageId: "l" });
    const [message] = await receiver.receiveMessages(1, wait);
    await receiver.deferMessage(message);
    const none = await receiver.receiveMessages(1, { maxWaitTimeInMs: 500 });
    const [deferred] = await receiver.receiveDeferredMessages(message.sequenceNumber);
    await receiver.completeMessage(deferred);
    return { none: none.length, body: deferred.body };
  },
  async renew() {
    await sender.sendMessages({ body: "slow", messageId: "r" });
    const [message] = await receiver.receiveMessages(1, wait);
    const before = message.lockedUntilUtc.getTime();
    await sleep(1200);
    const until = await receiver.renewMessageLock(message);
    await sleep(1200); // past the first lock of 2 s
    await receiver.completeMessage(message);
    return { grew: until.getTime() - before };
  },
  async lockLost() {
    await sender.sendMessages({ body: "lost", messageId: "x" });
    const [message] = await receiver.receiveMessages(1, wait);
    await sleep(2500); // the lock is 2 s
    let code = "";
    try { await receiver.completeMessage(message); } catch (e) { code = e.code; }
    const [again] = await receiver.receiveMessages(1, wait);
    await receiver.completeMessage(again);
    return { code, deliveryCount: again.deliveryCount };
  },
  async duplicates() {
    await sender.sendMessages({ body: "first", messageId: "same" });
    await sender.sendMessages({ body: "second", messageId: "same" });
    await sender.sendMessages([{ body: "third", messageId: "same" }, { body: "other", messageId: "other" }]);
    const bodies = [];
    for (;;) {
      const messages = await receiver.receiveMessages(5, { maxWaitTimeInMs: 1000 });
      if (messages.length === 0) break;
      for (const message of messages) { bodies.push(message.body); await receiver.completeMessage(message); }
    }
    return { bodies };
  },
  async receiveAndDelete() {
    const taker = client.createReceiver(queue, { receiveMode: "receiveAndDelete" });
    await sender.sendMessages([{ body: "a", messageId: "ra" }, { body: "b", messageId: "rb" }]);
    const bodies = [];
    while (bodies.length < 2) bodies.push(...(await taker.receiveMessages(2, wait)).map((m) => m.body));
    const left = await receiver.peekMessages(5, { fromSequenceNumber: undefined });
    return { bodies, left: left.length };
  },
  async subscribe() {
    const seen = [];
    await sender.sendMessages(Array.from({ length: 50 }, (_, i) => ({ body: i, messageId: `s${i}` })));
    await new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`only ${seen.length} of 50`)), 10000);
      receiver.subscribe({
        processMessage: async (message) => { seen.push(message.body); if (seen.length === 50) { clearTimeout(timer); setTimeout(resolve, 300); } },
        processError: async (args) => reject(args.error),
      }, { maxConcurrentCalls: 8 });
    });
    const left = await sender && await client.createReceiver(queue).peekMessages(10);
    return { seen: seen.sort((a, b) => a - b), left: left.length };
  },
  async peekNothing() {
    let count = 0;
    for (let i = 0; i < 25; i++) {
      const fresh = new ServiceBusClient(connectionString, { retryOptions: { maxRetries: 0, timeoutInMs: 5000 } });
      count += (await fresh.createReceiver(queue).peekMessages(1)).length;
      await fresh.close();
    }
    return { count };
  },
  async missingQueue() {
    try { await client.createSender("no-such-queue").sendMessages({ body: 1 }); } catch (e) { return { code: e.code }; }
  },
};

try {
  const result = await scenarios[scenario]();
  await client.close();
  console.log(JSON.stringify(result));
  process.exit(0);
} catch (e) {
  console.error(e);
  process.exit(1);
}
