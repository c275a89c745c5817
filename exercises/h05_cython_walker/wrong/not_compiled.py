# %% id="source"
# The walk is made by exec, and stays Python.
SOURCE = r'''
PLAIN = """
def walk_all(ram, root, vas, writes, pas):
    for i in range(len(vas)):
        table = root
        for shift in (39, 30, 21, 12):
            place = (table >> 3) + (vas[i] >> shift & 511)
            if place >= len(ram) or not ram[place] & 1:
                return i
            ram[place] |= 0x60 if shift == 12 and writes[i] else 0x20
            table = ram[place] & 0xFFFFFFFFFF000
        pas[i] = table | vas[i] & 4095
    return len(vas)
"""

names = {}
exec(PLAIN, names)
walk_all = names["walk_all"]
'''
