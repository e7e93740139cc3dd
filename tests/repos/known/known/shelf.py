"""A class whose methods lend each other their receivers."""


class Shelf:
    opened = []

    def __init__(self, books, room=5):
        self.books = list(books)
        self._room = room

    def put(self, book):
        """Put a book at the end, if there is room and it is not there yet; whether that was done."""
        if len(self.books) < self._room and book not in self.books:
            self.books.append(book)
            return True
        return False

    @property
    def room(self):
        return self._room - len(self.books)

    @room.setter
    def room(self, value):
        self._room = len(self.books) + value

    def __len__(self):
        return len(self.books)

    def compare(self, other, key):
        return key(self) < key(other)

    @classmethod
    def open(cls, book):
        cls.opened.append(book)
        return len(cls.opened)
