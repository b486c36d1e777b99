import { describe, expect, it } from 'vitest'
import { AllowList, isPublic } from '../../../executors/outbound/addresses.ts'

describe('an address', () => {
  it.each([
    '127.0.0.1',
    '127.255.255.254',
    '0.0.0.0',
    '0.1.2.3',
    '10.0.0.1',
    '172.16.0.1',
    '172.31.255.255',
    '192.168.1.1',
    '100.64.0.1', // CGNAT
    '100.100.100.200', // metadata
    '169.254.169.254', // metadata
    '168.63.129.16', // metadata
    '192.0.0.192', // metadata
    '192.0.2.1',
    '198.18.0.1',
    '198.51.100.1',
    '203.0.113.1',
    '224.0.0.1',
    '239.255.255.250',
    '240.0.0.1',
    '255.255.255.255',
    '::',
    '::1',
    '::127.0.0.1',
    '::ffff:127.0.0.1',
    '::ffff:a00:1',
    '::ffff:169.254.169.254',
    '64:ff9b::7f00:1', // NAT64
    '64:ff9b::169.254.169.254',
    '64:ff9b:1::1',
    '2002:7f00:1::', // 6to4
    '2001::1', // Teredo
    '2001:db8::1',
    'fc00::1',
    'fd00:ec2::254', // metadata
    'fe80::1',
    'fe80::1%eth0',
    'fec0::1',
    'ff02::1',
    '100::1',
    '4000::1', // not assigned
    'localhost',
    '2130706433',
    '0x7f.1',
    '',
  ])('%s is not of the public internet', (address) => expect(isPublic(address)).toBe(false))

  it.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '100.128.0.1', '2606:4700:4700::1111', '::ffff:8.8.8.8', '64:ff9b::8.8.8.8'])(
    '%s is',
    (address) => expect(isPublic(address)).toBe(true),
  )
})

describe('what is let through', () => {
  const list = new AllowList(['Files.Internal', 'api.internal:8443', '*.lan', '10.1.0.0/16', '192.168.0.7', 'fd00::/8', '[::1]'])

  it('are hosts, with a port where one is named', () => {
    expect(list.hasHost('files.internal', '80')).toBe(true)
    expect(list.hasHost('FILES.internal.', '81')).toBe(true)
    expect(list.hasHost('api.internal', '8443')).toBe(true)
    expect(list.hasHost('printer.lan', '80')).toBe(true)
    for (const host of ['internal', 'files.internal.evil.example', 'xfiles.internal', 'lan', 'evillan'])
      expect([host, list.hasHost(host, '80')]).toEqual([host, false])
    expect(list.hasHost('api.internal', '443')).toBe(false)
  })

  it('are addresses and networks', () => {
    for (const address of ['10.1.2.3', '::ffff:10.1.2.3', '192.168.0.7', 'fd12::1', '::1'])
      expect([address, list.hasAddress(address)]).toEqual([address, true])
    for (const address of ['10.2.0.1', '192.168.0.8', 'fe80::1', '::2', 'files.internal'])
      expect([address, list.hasAddress(address)]).toEqual([address, false])
  })

  it.each(['10.0.0.0/33', 'fd00::/129', 'http://files.internal', 'a b', '', '*', '10.0.0.0/8/8', 'x/8'])(
    'is not written like %j',
    (entry) => expect(() => new AllowList([entry])).toThrow(RangeError),
  )
})
