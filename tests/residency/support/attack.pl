# What one process can try on another, by bare system calls: perl has syscall() and is on every Debian.
#     perl attack.pl steal|ptrace|mem|vm_readv PID
# Prints what came of it, or the name of the error.
use strict;
use warnings;
use Errno;

my ($attack, $pid) = @ARGV;
my $x86 = `uname -m` =~ /x86_64/;
my ($PIDFD_OPEN, $PIDFD_GETFD) = (434, 438);
my $PTRACE = $x86 ? 101 : 117;
my $PROCESS_VM_READV = $x86 ? 310 : 270;
my ($PTRACE_ATTACH, $PTRACE_DETACH) = (16, 17);

sub failed {
    my ($number) = $! + 0;
    for my $name (keys %!) { if (Errno->can($name) && Errno->can($name)->() == $number) { print "$name\n"; exit } }
    print "error $number\n";
    exit;
}

if ($attack eq 'steal') {
    my $pidfd = syscall($PIDFD_OPEN, $pid + 0, 0);
    failed() if $pidfd < 0;
    my $stolen = 0;
    for my $fd (0 .. 255) {
        my $copy = syscall($PIDFD_GETFD, $pidfd, $fd, 0);
        if ($copy < 0) { failed() if $!{EPERM}; next }
        print readlink("/proc/self/fd/$copy") // 'unknown', "\n";
        $stolen++;
    }
} elsif ($attack eq 'ptrace') {
    my $result = syscall($PTRACE, $PTRACE_ATTACH, $pid + 0, 0, 0);
    failed() if $result < 0;
    waitpid($pid, 0x40000000);
    syscall($PTRACE, $PTRACE_DETACH, $pid + 0, 0, 0);
    print "attached\n";
} elsif ($attack eq 'mem') {
    open(my $mem, '<', "/proc/$pid/mem") or failed();
    print "opened\n";
} elsif ($attack eq 'vm_readv') {
    # Reads 16 bytes at an address that need not be mapped: EFAULT then means that the kernel would have let us.
    my $buffer = "\0" x 16;
    my $local = pack('PQ', $buffer, 16);
    my $remote = pack('QQ', 0x10000, 16);
    my $result = syscall($PROCESS_VM_READV, $pid + 0, $local, 1, $remote, 1, 0);
    failed() if $result < 0;
    print "read $result\n";
}
