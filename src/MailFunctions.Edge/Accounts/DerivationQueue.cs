using System.Net;
using MailFunctions.Edge.Admission;
using MailFunctions.Edge.Configuration;
using Microsoft.Extensions.Options;

namespace MailFunctions.Edge.Accounts;

/// <summary>
/// Derivations of passwords wait here for their share of the processor (<see cref="LoginOptions.ProcessorShare"/>), so that a
/// herd of them leaves the rest alone. Clients take turns, and those that the account knows have turns of their own, so that
/// one that guesses holds up itself. What would wait too long (<see cref="LoginOptions.LongestWait"/>) is refused at once.
/// </summary>
internal sealed class DerivationQueue
{
    /// <summary>Different passwords that may wait for one <see cref="LoginSubject"/>: more than a person mistypes at once.</summary>
    public const int MaxForSubject = 4;

    /// <summary>What one takes, until one has been measured.</summary>
    private static readonly TimeSpan FirstGuess = TimeSpan.FromSeconds(0.25);

    /// <summary>What takes less was no derivation.</summary>
    private static readonly TimeSpan NoDerivation = TimeSpan.FromMilliseconds(5);

    private readonly Lock _lock = new();
    private readonly Turns[] _lanes;
    private readonly Dictionary<LoginSubject, int> _subjects = [];
    private readonly int _workers;
    private readonly double _pause; // for each second of work
    private readonly TimeSpan _longestWait;
    private readonly TimeProvider _time;
    private TimeSpan _average = FirstGuess; // a worker's time for one, with its pause
    private int _working;
    private int _next;

    public DerivationQueue(IOptions<LoginOptions> options, TimeProvider time)
    {
        var processors = Environment.ProcessorCount * options.Value.ProcessorShare;
        _workers = Math.Max(1, (int)processors);
        _pause = Math.Max(0, (_workers / processors) - 1);
        _lanes = [new Turns(options.Value.MaxWaiting), new Turns(options.Value.MaxWaiting)];
        (_longestWait, _time) = (options.Value.LongestWait, time);
    }

    /// <summary>Whether as many different passwords wait for it as may.</summary>
    public bool IsBusyWith(LoginSubject subject)
    {
        lock (_lock)
        {
            return _subjects.GetValueOrDefault(subject) >= MaxForSubject;
        }
    }

    /// <summary>
    /// Takes a place for one password of the subject; false when it has to come later. Given back by <see cref="Release"/>.
    /// </summary>
    public bool TryReserve(LoginSubject subject)
    {
        lock (_lock)
        {
            var taken = _subjects.GetValueOrDefault(subject);
            if (taken >= MaxForSubject)
            {
                return false;
            }

            _subjects[subject] = taken + 1;
            return true;
        }
    }

    public void Release(LoginSubject subject)
    {
        lock (_lock)
        {
            if (--_subjects[subject] == 0)
            {
                _subjects.Remove(subject);
            }
        }
    }

    /// <summary>Runs the work in its turn; null when there is no room for it.</summary>
    public Task<T>? TryRun<T>(IPAddress client, LoginSubject subject, Func<T> work)
    {
        var done = new TaskCompletionSource<T>(TaskCreationOptions.RunContinuationsAsynchronously);
        Action job = () =>
        {
            try
            {
                done.SetResult(work());
            }
            catch (Exception e)
            {
                done.SetException(e); // rethrown to the session that waits
            }
        };
        lock (_lock)
        {
            var lane = subject.IsFamiliar ? 0 : 1;
            var turns = _lanes[1 - lane].IsEmpty ? 1 : 2;
            if (!_lanes[lane].TryAdd(ClientKey.For(client), job, (int)(_longestWait / _average * _workers / turns)))
            {
                return null;
            }

            if (_working < _workers)
            {
                _working++;
                _ = Task.Run(WorkAsync);
            }
        }

        return done.Task;
    }

    private async Task WorkAsync()
    {
        while (Take() is { } job)
        {
            var began = _time.GetTimestamp();
            job();
            var took = _time.GetElapsedTime(began);
            if (took < NoDerivation)
            {
                continue;
            }

            Measure(took * (1 + _pause));
            if (_pause > 0)
            {
                await Task.Delay(took * _pause, _time);
            }
        }
    }

    private void Measure(TimeSpan took)
    {
        lock (_lock)
        {
            _average = _average == FirstGuess ? took : (_average * 0.8) + (took * 0.2);
        }
    }

    /// <summary>The next one, of either lane in turn; null, and a worker less, when there is none.</summary>
    private Action? Take()
    {
        lock (_lock)
        {
            for (var lane = 0; lane < _lanes.Length; lane++)
            {
                if (_lanes[_next++ % _lanes.Length].Take() is { } job)
                {
                    _next %= _lanes.Length;
                    return job;
                }
            }

            _working--;
            return null;
        }
    }

    /// <summary>Jobs by client, the clients in turn.</summary>
    private sealed class Turns(int capacity)
    {
        private readonly Dictionary<IPAddress, Queue<Action>> _jobs = [];
        private readonly Queue<IPAddress> _turns = [];
        private int _count;

        public bool IsEmpty => _count == 0;

        /// <summary>
        /// False when more than <paramref name="most"/> would be ahead of it, when all room is taken, or half of it by this client.
        /// </summary>
        public bool TryAdd(IPAddress client, Action job, int most)
        {
            var its = _jobs.GetValueOrDefault(client);
            var mine = its?.Count ?? 0;
            var ahead = Math.Min(_count, (mine + 1) * _turns.Count); // as the clients take turns
            if (ahead > most || _count >= capacity || mine >= (capacity + 1) / 2)
            {
                return false;
            }

            if (its is null)
            {
                _jobs[client] = its = [];
                _turns.Enqueue(client);
            }

            its.Enqueue(job);
            _count++;
            return true;
        }

        public Action? Take()
        {
            if (!_turns.TryDequeue(out var client))
            {
                return null;
            }

            var its = _jobs[client];
            var job = its.Dequeue();
            _count--;
            if (its.Count > 0)
            {
                _turns.Enqueue(client);
            }
            else
            {
                _jobs.Remove(client);
            }

            return job;
        }
    }
}
